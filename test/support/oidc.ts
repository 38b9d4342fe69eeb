/** An OpenID Connect provider on this machine, and a user agent that logs in to it. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Provider, type Configuration, type JWK } from 'oidc-provider';

export type SigningAlgorithm = 'RS256' | 'ES256';

/** A user of the provider, with the claims in its tokens. */
export interface Account {
  readonly sub: string;
  readonly email: string;
  readonly tenant: string;
}

export interface ProviderOptions {
  readonly keys: readonly JWK[];
  readonly accounts: readonly Account[];
  /** The audience of the access tokens. */
  readonly audience: string;
  /** The issuer in its tokens, by default its address. Another one lets it impersonate another provider. */
  readonly issuer?: string;
  /** The origins of pages that log users in by themselves, as the client {@link PAGE_CLIENT}. Read at each start. */
  readonly pages?: readonly string[];
  /** The path of these pages. Default: `/app`. */
  readonly base?: string;
  /** What access tokens may be granted for, separated by spaces. Default: `api`. */
  readonly scope?: string;
  /** How long access tokens are valid, in seconds. Default: two hours. */
  readonly tokenSeconds?: number;
}

export interface IssuedTokens {
  readonly accessToken: string;
  readonly idToken: string;
}

export interface OidcProvider {
  readonly issuer: string;
  readonly jwksUri: string;
  /**
   * Runs the authorization code flow for a user who consents to everything. Returns an access token with this signing
   * algorithm.
   */
  logIn(sub: string, algorithm: SigningAlgorithm): Promise<IssuedTokens>;
  /** Stops the server. Connections are refused from then on. */
  stop(): Promise<void>;
  /** Listens on the same address again, with these keys. */
  restart(keys: readonly JWK[]): Promise<void>;
  /** Replaces the handler of `/jwks` until the next restart. */
  answerKeysWith(handler: (response: ServerResponse) => void): void;
}

const CLIENT = {
  id: 'test-client',
  secret: 'test-client-secret',
  redirect: 'https://client.example/callback',
};
/** The public client of pages: it has no secret. */
export const PAGE_CLIENT = 'dashboard';
const SCOPE = 'openid api';

/** Creates new private keys for the provider. */
export function makeKeys(suffix: string): JWK[] {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return [
    { ...rsa.privateKey.export({ format: 'jwk' }), kid: `rsa-${suffix}`, use: 'sig', alg: 'RS256' },
    {
      ...elliptic.privateKey.export({ format: 'jwk' }),
      kid: `ec-${suffix}`,
      use: 'sig',
      alg: 'ES256',
    },
  ];
}

export async function startOidcProvider(options: ProviderOptions): Promise<OidcProvider> {
  let keysHandler: ((response: ServerResponse) => void) | undefined;
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  let server = await listen(0);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const base = `http://127.0.0.1:${port}`;
  const issuer = options.issuer ?? base;
  handle = handlerOf(makeProvider(issuer, configuration(options, options.keys)), options);

  async function listen(at: number): Promise<Server> {
    const created = createServer((request, response) => {
      // Otherwise a client would reuse a connection that a restart has closed.
      response.setHeader('connection', 'close');
      if (keysHandler && request.url === '/jwks') keysHandler(response);
      else handle(request, response);
    });
    await new Promise<void>((resolve, reject) => {
      created.once('error', reject);
      created.listen(at, '127.0.0.1', resolve);
    });
    return created;
  }
  async function stop(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  return {
    issuer,
    jwksUri: `${base}/jwks`,
    logIn: (sub, algorithm) => logIn(base, sub, resourceFor(algorithm)),
    stop,
    async restart(keys) {
      if (server.listening) await stop();
      keysHandler = undefined;
      handle = handlerOf(makeProvider(issuer, configuration(options, keys)), options);
      server = await listen(port);
    },
    answerKeysWith(handler) {
      keysHandler = handler;
    },
  };
}

function makeProvider(issuer: string, configured: Configuration): Provider {
  const { warn } = console;
  // The provider warns that its in-memory adapter loses everything when it stops. That is intended here.
  console.warn = () => undefined;
  try {
    return new Provider(issuer, configured);
  } finally {
    console.warn = warn;
  }
}

/** The requested resource determines the token's algorithm. */
const resourceFor = (algorithm: SigningAlgorithm) => `urn:tenantry:${algorithm}`;

function configuration(
  { accounts, audience, pages = [], base = '/app', scope = 'api', tokenSeconds = 7_200 }: ProviderOptions,
  keys: readonly JWK[],
): Configuration {
  const accountOf = (sub: string) => accounts.find((account) => account.sub === sub);
  return {
    jwks: { keys: [...keys] },
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [CLIENT.redirect],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_post',
      },
      ...(pages.length === 0
        ? []
        : [
            {
              client_id: PAGE_CLIENT,
              redirect_uris: pages.map((origin) => `${origin}${base}/signed-in`),
              post_logout_redirect_uris: pages.map((origin) => `${origin}${base}/signed-out`),
              grant_types: ['authorization_code', 'refresh_token'],
              response_types: ['code' as const],
              token_endpoint_auth_method: 'none' as const,
            },
          ]),
    ],
    clientBasedCORS: (_ctx, origin) => pages.includes(origin),
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    ttl: {
      Interaction: 60,
      Session: 60,
      Grant: 300,
      AuthorizationCode: 60,
      IdToken: 300,
      AccessToken: tokenSeconds,
      RefreshToken: 300,
    },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    findAccount: (_ctx, sub) => (accountOf(sub) ? { accountId: sub, claims: () => ({ sub }) } : undefined),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    extraTokenClaims: (_ctx, token) => {
      const account = 'accountId' in token ? accountOf(token.accountId) : undefined;
      return account && { email: account.email, email_verified: true, tenant_id: account.tenant };
    },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: {
        logoutSource: (ctx, form) => {
          ctx.body = `<!doctype html><title>Leave</title>${form}<button form="op.logoutForm" name="logout" value="yes">Leave</button>`;
        },
      },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope,
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: tokenSeconds,
          jwt: { sign: { alg: resource.endsWith('ES256') ? 'ES256' : 'RS256' } },
        }),
      },
    },
  };
}

/** Serves the provider, and logs in the user of the client's login hint, who consents to everything. */
function handlerOf(
  provider: Provider,
  options: ProviderOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const serve = provider.callback();
  return (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return void serve(request, response);
    agree(provider, request, response, options).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  };
}

async function agree(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  { accounts, scope = 'api' }: ProviderOptions,
): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, {
      // A page gives no hint: its user is the first one.
      login: {
        accountId: typeof params['login_hint'] === 'string' ? params['login_hint'] : (accounts[0]?.sub ?? ''),
      },
    });
  }
  const grant = new provider.Grant({
    accountId: session?.accountId ?? '',
    clientId: String(params['client_id']),
  });
  grant.addOIDCScope('openid email offline_access');
  grant.addResourceScope(String(params['resource']), scope);
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

/** Does what a browser and a client do: follows the redirects with cookies, then exchanges the code for tokens. */
async function logIn(base: string, sub: string, resource: string): Promise<IssuedTokens> {
  const verifier = randomBytes(32).toString('base64url');
  const request = new URLSearchParams({
    client_id: CLIENT.id,
    redirect_uri: CLIENT.redirect,
    response_type: 'code',
    scope: SCOPE,
    resource,
    login_hint: sub,
    prompt: 'consent',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const callback = await followRedirects(`${base}/auth?${String(request)}`);
  const code = callback.searchParams.get('code');
  if (code === null) throw new Error(`no code, but ${callback.search}`);
  const answer = await fetch(`${base}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      redirect_uri: CLIENT.redirect,
      code,
      code_verifier: verifier,
    }),
  });
  const tokens = (await answer.json()) as { access_token?: string; id_token?: string };
  if (tokens.access_token === undefined || tokens.id_token === undefined) {
    throw new Error(`no token, but ${JSON.stringify(tokens)}`);
  }
  return { accessToken: tokens.access_token, idToken: tokens.id_token };
}

async function followRedirects(from: string): Promise<URL> {
  const cookies = new Map<string, string>();
  let url = new URL(from);
  for (let hop = 0; hop < 10; hop++) {
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`${answer.status} at ${url.pathname}: ${await answer.text()}`);
    url = new URL(location, url);
    if (url.href.startsWith(CLIENT.redirect)) return url;
  }
  throw new Error('the provider redirects without end');
}
