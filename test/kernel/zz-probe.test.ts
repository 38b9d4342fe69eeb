import { test } from 'vitest';
import { useServer } from '/work/main/test/support/server.js';
const server = useServer();
test('probe', async () => {
  const { token } = await server().as('owner', 'acme');
  const url = server().url;
  const show = async (label: string, path: string, init: RequestInit = {}) => {
    try {
      const r = await fetch(url + path, init);
      console.log(label, r.status, (r.headers.get("x-frame-options")??"NOHELMET") + " " + r.headers.get("content-type"), (await r.text()).slice(0, 400));
    } catch (e) { console.log(label, String(e), String((e as Error).cause)); }
  };
  const auth = { authorization: `Bearer ${token}` };
  const json = { ...auth, 'content-type': 'application/json' };
  await show('malformed', '/graphql', { method: 'POST', headers: json, body: '{"query":' });
  await show('empty', '/graphql', { method: 'POST', headers: json, body: '' });
  await show('proto', '/graphql', { method: 'POST', headers: json, body: '{"__proto__":{},"query":"{me{userId}}"}' });
  await show('array', '/graphql', { method: 'POST', headers: json, body: '[{"query":"{me{userId}}"}]' });
  await show('string', '/graphql', { method: 'POST', headers: json, body: '"x"' });
  await show('null', '/graphql', { method: 'POST', headers: json, body: 'null' });
  await show('emptyobj', '/graphql', { method: 'POST', headers: json, body: '{}' });
  await show('varstring', '/graphql', { method: 'POST', headers: json, body: '{"query":"{me{userId}}","variables":"x"}' });
  await show('vararray', '/graphql', { method: 'POST', headers: json, body: '{"query":"{me{userId}}","variables":[1]}' });
  await show('querynum', '/graphql', { method: 'POST', headers: json, body: '{"query":1}' });
  await show('opname', '/graphql', { method: 'POST', headers: json, body: '{"query":"{me{userId}}","operationName":"x"}' });
  await show('big', '/graphql', { method: 'POST', headers: json, body: JSON.stringify({ query: 'x'.repeat(101 * 1024) }) });
  await show('text', '/graphql', { method: 'POST', headers: { ...auth, 'content-type': 'text/plain' }, body: '{"query":"{me{userId}}"}' });
  await show('xml', '/graphql', { method: 'POST', headers: { ...auth, 'content-type': 'application/xml' }, body: '<a/>' });
  await show('form', '/graphql', { method: 'POST', headers: { ...auth, 'content-type': 'application/x-www-form-urlencoded' }, body: 'query=a' });
  await show('noctype', '/graphql', { method: 'POST', headers: auth });
  await show('getq', '/graphql?query={me{userId}}', { headers: auth });
  await show('getq preflight', '/graphql?query={me{userId}}', { headers: { ...auth, 'apollo-require-preflight': '1' } });
  await show('getm', '/graphql?query=mutation{changePlan(input:{plan:"team"}){tenant{id}}}', { headers: { ...auth, 'apollo-require-preflight': '1' } });
  await show('get nothing', '/graphql', { headers: { ...auth, 'apollo-require-preflight': '1' } });
  await show('get badvars', '/graphql?query={me{userId}}&variables={', { headers: { ...auth, 'apollo-require-preflight': '1' } });
  await show('unknown', '/nothing?x=1');
  await show('badurl', '/%E0%A4%A');
  await show('put', '/graphql', { method: 'PUT', headers: json, body: '{}' });
  await show('delete', '/graphql', { method: 'DELETE', headers: auth });
  await show('post healthz', '/healthz', { method: 'POST', headers: json, body: '{' });
  await show('tokens', '/graphql', { method: 'POST', headers: json, body: JSON.stringify({ query: `{${' me{userId}'.repeat(600)}}` }) });
  await show('parse', '/graphql', { method: 'POST', headers: json, body: JSON.stringify({ query: `{` }) });
  await show('validate', '/graphql', { method: 'POST', headers: json, body: JSON.stringify({ query: `{ nothing }` }) });
  await show('coerce', '/graphql', { method: 'POST', headers: json, body: JSON.stringify({ query: `query($f:Int){members(first:$f){totalCount}}`, variables: { f: 'x' } }) });
  await show('null default', '/graphql', { method: 'POST', headers: json, body: JSON.stringify({ query: `query($f:ID="x"){conversation(id:$f){id}}`, variables: { f: null } }) });
  await show('anon', '/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' });
  await show('accept', '/graphql', { method: 'POST', headers: { ...json, accept: 'application/graphql-response+json' }, body: JSON.stringify({ query: `{ me{userId} }` }) });
  await show('accept html', '/graphql', { method: 'POST', headers: { ...json, accept: 'text/html' }, body: JSON.stringify({ query: `{ me{userId} }` }) });
  await show('cors', '/graphql', { method: 'OPTIONS', headers: { origin: 'https://evil.test', 'access-control-request-method': 'POST' } });
  await show('deep', '/graphql', { method: 'POST', headers: json, body: JSON.stringify({ query: `mutation($i:UpdateTenantInput!){updateTenant(input:$i){tenant{id}}}`, variables: 1 }).replace('"variables":1', '"variables":{"i":{"settings":{"a":' + '['.repeat(30000) + ']'.repeat(30000) + '}}}') });
  for (const n of [100, 1000, 3000, 7000, 8000])
  await show('deep ' + n, '/graphql', { method: 'POST', headers: json, body: JSON.stringify({ query: `mutation($i:UpdateTenantInput!){updateTenant(input:$i){tenant{id}}}`, variables: 1 }).replace('"variables":1', '"variables":{"i":{"settings":{"a":' + '['.repeat(n) + ']'.repeat(n) + '}}}') });
  await show('nul settings', '/graphql', { method: 'POST', headers: json, body: JSON.stringify({ query: `mutation($i:UpdateTenantInput!){updateTenant(input:$i){tenant{id}}}`, variables: { i: { settings: { a: 'x\u0000' } } } }) });
  await show('surrogate settings', '/graphql', { method: 'POST', headers: json, body: JSON.stringify({ query: `mutation($i:UpdateTenantInput!){updateTenant(input:$i){tenant{id}}}`, variables: { i: { settings: { a: '\ud800' } } } }) });
  await show('inf settings', '/graphql', { method: 'POST', headers: json, body: '{"query":"mutation($i:UpdateTenantInput!){updateTenant(input:$i){tenant{id settings}}}","variables":{"i":{"settings":{"a":1e400}}}}' });
});
