/**
 * An OpenID Connect provider for teams that have none: it logs users of `users.json` in to the dashboard, and operators to their
 * console. README.md says how it is used, and what it leaves to you.
 */
import { randomBytes, generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { errors, Provider, type JWK } from 'oidc-provider';
import { answerInteraction } from './login-page.js';
import { findUser, readUsers } from './users.js';

const {
  PORT = '9000',
  /** The origins of the servers, separated by commas. */
  PAGES = 'http://localhost:4000',
  AUDIENCE = 'https://api.example.com',
  OPERATOR_AUDIENCE = 'https://operators.example.com',
  SECRETS = '.tenantry/login-secrets.json',
  USERS = fileURLToPath(new URL('users.json', import.meta.url)),
} = process.env;
const ISSUER = process.env['ISSUER'] ?? `http://localhost:${PORT}`;
const OPERATOR_SCOPES = 'tenants:read tenants:manage tenants:impersonate tenants:erase';
const pages = PAGES.split(',');
const users = readUsers(USERS);
const { keys, cookieKey } = readSecrets();

/** A public client: its pages have no secret. */
const clientOf = (id: string, base: string) => ({
  client_id: id,
  redirect_uris: pages.map((origin) => `${origin}${base}/signed-in`),
  post_logout_redirect_uris: pages.map((origin) => `${origin}${base}/signed-out`),
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code' as const],
  token_endpoint_auth_method: 'none' as const,
});

const provider = new Provider(ISSUER, {
  jwks: { keys },
  cookies: { keys: [cookieKey] },
  clients: [clientOf('dashboard', '/app'), clientOf('console', '/operator')],
  clientBasedCORS: (_context, origin) => pages.includes(origin),
  issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  ttl: {
    AccessToken: 300,
    AuthorizationCode: 60,
    IdToken: 300,
    Interaction: 600,
    RefreshToken: 28_800,
    Session: 28_800,
    Grant: 28_800,
  },
  findAccount: (_context, sub) =>
    users.some((user) => user.sub === sub) ? { accountId: sub, claims: () => ({ sub }) } : undefined,
  interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
  extraTokenClaims: (_context, token) => {
    const user = 'accountId' in token ? users.find(({ sub }) => sub === token.accountId) : undefined;
    if (!user) return undefined;
    const [tenant, ...others] = user.tenants;
    // Of several tenants, the host names the one that is meant.
    const named = tenant !== undefined && others.length === 0 ? { tenant_id: tenant } : {};
    return { email: user.email, email_verified: true, ...named };
  },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_context, resource, { clientId }) => {
        const isConsole = clientId === 'console';
        if (resource !== (isConsole ? OPERATOR_AUDIENCE : AUDIENCE)) throw new errors.InvalidTarget();
        return {
          scope: isConsole ? OPERATOR_SCOPES : '',
          audience: resource,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        };
      },
    },
  },
});

const serve = provider.callback();
const server = createServer((request, response) => {
  if (!request.url?.startsWith('/interaction/')) return void serve(request, response);
  answerInteraction(provider, request, response, (email, password) => findUser(users, email, password), {
    scopesOf: (sub) => users.find((user) => user.sub === sub)?.scopes ?? [],
  }).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    response.writeHead(400, { 'content-type': 'text/plain' }).end('This login has ended. Begin again.');
  });
});
server.listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write(`Users log in at ${ISSUER}\n`);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit());

/** The keys that sign tokens and cookies: made at the first start, readable by their owner only. */
function readSecrets(): { keys: JWK[]; cookieKey: string } {
  if (!existsSync(SECRETS)) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = {
      ...privateKey.export({ format: 'jwk' }),
      kid: randomBytes(8).toString('hex'),
      use: 'sig',
      alg: 'RS256',
    };
    mkdirSync(dirname(SECRETS), { recursive: true, mode: 0o700 });
    const secrets = JSON.stringify({ keys: [key], cookieKey: randomBytes(32).toString('base64url') });
    writeFileSync(SECRETS, secrets, { mode: 0o600 });
  }
  return JSON.parse(readFileSync(SECRETS, 'utf8')) as { keys: JWK[]; cookieKey: string };
}
