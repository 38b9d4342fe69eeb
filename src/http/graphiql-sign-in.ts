/**
 * The bar above GraphiQL: choose a user of the demo, or paste a token, with or without `Bearer`. Every request of the page
 * then has the token, and the schema is fetched for it at once.
 */

import { STREAM_PATH } from './event-streams.js';

/** Where the page asks for the users; there are none where the server gives none. */
export const USERS_PATH = '/graphiql/users';

const STYLE = `
  body { display: flex; flex-direction: column; height: 100vh; margin: 0 }
  #root { flex: 1; min-height: 0; height: auto !important }
  #sign-in { display: flex; gap: 8px; align-items: center; padding: 6px 12px; font: 14px sans-serif;
    background: #f6f7f9; color: #222; border-bottom: 1px solid #ccc }
  #sign-in input { flex: 1; max-width: 480px }
`;

const FORM = `
  <form id="sign-in" autocomplete="off">
    <label for="user" hidden>User</label>
    <select id="user" hidden><option value="">Choose a user of the demo</option></select>
    <label for="token">Token</label>
    <input id="token" type="text" spellcheck="false" placeholder="Paste a token, with or without Bearer">
    <output id="signed-in"></output>
  </form>
`;

/** Runs before GraphiQL, which sends every request by the `fetch` of the page. */
const SCRIPT = `
(() => {
  const KEY = 'tenantry:token';
  const byId = (id) => document.getElementById(id);
  const bare = (text) => text.trim().replace(/^authorization\\s*:\\s*/i, '').replace(/^Bearer\\s+/i, '').replace(/^"|"$/g, '');
  const plainFetch = window.fetch.bind(window);
  let token = sessionStorage.getItem(KEY) || '';
  let introspectedWith = '';

  /** What the pane "Headers" says comes first; a token there may lack "Bearer". */
  window.fetch = async (input, init = {}) => {
    if (!/^\\/graphql(\\/stream)?([?]|$)/.test(String(input))) return plainFetch(input, init);
    const headers = new Headers(init.headers);
    const used = bare(headers.get('authorization') || '') || token;
    if (used === '') {
      const errors = [{ message: 'Choose a user or paste a token above.' }];
      return new Response(JSON.stringify({ errors }), { status: 401, headers: { 'content-type': 'application/json' } });
    }
    headers.set('authorization', 'Bearer ' + used);
    // GraphiQL sends subscriptions to the path of queries.
    const isStream = /^text\\/event-stream/.test(headers.get('accept') || '');
    const url = isStream ? String(input).replace(/^\\/graphql(?!\\/)/, '${STREAM_PATH}') : input;
    const isIntrospection = typeof init.body === 'string' && init.body.includes('IntrospectionQuery');
    if (isIntrospection) introspectedWith = used;
    else if (introspectedWith !== used) refetchSchema();
    const response = await plainFetch(url, { ...init, headers });
    if (isIntrospection && used === token) {
      byId('signed-in').value = response.ok ? 'Schema fetched' : 'This token is not accepted';
    }
    return response;
  };

  /** GraphiQL has no other way in: its own button, as soon as it is there. */
  function refetchSchema(attempts = 100) {
    const button = document.querySelector('button[aria-label^="Re-fetch GraphQL schema"]');
    if (button && !button.disabled) button.click();
    else if (attempts > 0) setTimeout(() => refetchSchema(attempts - 1), 100);
  }

  function use(text) {
    const given = bare(text);
    if (given === token) return;
    token = given;
    sessionStorage.setItem(KEY, token);
    byId('signed-in').value = '';
    if (token !== '') refetchSchema();
  }

  const [form, select, input] = [byId('sign-in'), byId('user'), byId('token')];
  input.value = token;
  form.addEventListener('submit', (event) => event.preventDefault());
  input.addEventListener('input', () => {
    select.value = '';
    use(input.value);
  });
  select.addEventListener('change', () => {
    input.value = select.value;
    use(select.value);
  });
  plainFetch('${USERS_PATH}')
    .then((response) => (response.ok ? response.json() : []))
    .then((users) => {
      for (const user of users) select.add(new Option(user.email, user.token));
      select.hidden = users.length === 0;
      select.value = users.some((user) => user.token === token) ? token : '';
    });
})();
`;

/** The page of GraphiQL with the bar. */
export const withSignIn = (html: string): string =>
  html
    .replace('</head>', `<style>${STYLE}</style></head>`)
    .replace('<div id="root"></div>', () => `${FORM}<div id="root"></div><script>${SCRIPT}</script>`);
