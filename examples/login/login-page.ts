/** The page on which a user writes an address and a password. It has no script, and is kept by nobody. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Provider } from 'oidc-provider';
import type { User } from './users.js';

const MOST_BYTES = 4_096;

/** Answers a step of a login: asks for the password, checks it, and consents for the pages of the own service. */
export async function answerInteraction(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  find: (email: string, password: string) => Promise<User | undefined>,
  { scopesOf }: { readonly scopesOf: (sub: string) => readonly string[] },
): Promise<void> {
  // Bound to the browser by a cookie: nobody answers the login of somebody else.
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'consent') {
    const accountId = session?.accountId ?? '';
    const grant = new provider.Grant({ accountId, clientId: String(params['client_id']) });
    grant.addOIDCScope('openid email offline_access');
    if (typeof params['resource'] === 'string') {
      const asked = String(params['scope']).split(' ');
      const held = scopesOf(accountId);
      grant.addResourceScope(params['resource'], asked.filter((scope) => held.includes(scope)).join(' '));
      // Otherwise the provider would ask for consent to these again and again.
      grant.rejectResourceScope(params['resource'], asked.filter((scope) => !held.includes(scope)).join(' '));
    }
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  }
  if (request.method !== 'POST') {
    send(response, '');
    return;
  }
  if (Number(request.headers['content-length'] ?? Infinity) > MOST_BYTES) {
    send(response, REFUSED);
    return;
  }
  const given = new URLSearchParams(await text(request));
  const user = await find(given.get('email') ?? '', given.get('password') ?? '');
  if (!user) {
    send(response, REFUSED);
    return;
  }
  return provider.interactionFinished(request, response, { login: { accountId: user.sub } });
}

const REFUSED = '<p role="alert">This address and this password do not belong together.</p>';

function send(response: ServerResponse, message: string): void {
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  }).end(`<!doctype html>
<html lang="en">
<title>Sign in</title>
<meta name="viewport" content="width=device-width">
<main>
<h1>Sign in</h1>
${message}
<form method="post">
<p><label>E-mail address <input name="email" type="email" autocomplete="username" required autofocus></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button>Sign in</button></p>
</form>
</main>`);
}
