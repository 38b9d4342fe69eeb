/** A real OpenID Connect provider on this machine, and a user who logs in at it. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Provider, type Configuration, type JWK } from 'oidc-provider';

export type SigningAlgorithm = 'RS256' | 'ES256';

/** A user of the provider, and what it says of them in its tokens. */
export interface Account {
  readonly sub: string;
  readonly email: string;
  readonly tenant: string;
}

export interface ProviderOptions {
  readonly keys: readonly JWK[];
  readonly accounts: readonly Account[];
  /** The audience of its access tokens. */
  readonly audience: string;
  /** What it calls itself, if not by its address: for one that pretends to be another. */
  readonly issuer?: string;
}

export interface IssuedTokens {
  readonly accessToken: string;
  readonly idToken: string;
}

export interface OidcProvider {
  readonly issuer: string;
  readonly jwksUri: string;
  /** Runs the authorization code flow, with the user agreeing to everything, for an access token signed so. */
  logIn(sub: string, algorithm: SigningAlgorithm): Promise<IssuedTokens>;
  /** Stops answering: connections are refused. */
  stop(): Promise<void>;
  /** Takes up the same address again, with these keys. */
  restart(keys: readonly JWK[]): Promise<void>;
  /** Replaces what `/jwks` does, until the next restart. */
  answerKeysWith(handler: (response: ServerResponse) => void): void;
}

const CLIENT = {
  id: 'test-client',
  secret: 'test-client-secret',
  redirect: 'https://client.example/callback',
};
const SCOPE = 'openid api';

/** Private keys of the provider, made anew. */
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
  handle = handlerOf(makeProvider(issuer, configuration(options, options.keys)));

  async function listen(at: number): Promise<Server> {
    const created = createServer((request, response) => {
      // A client that keeps a connection would find it closed after a restart.
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
      handle = handlerOf(makeProvider(issuer, configuration(options, keys)));
      server = await listen(port);
    },
    answerKeysWith(handler) {
      keysHandler = handler;
    },
  };
}

function makeProvider(issuer: string, configured: Configuration): Provider {
  const { warn } = console;
  // It warns each time that what it remembers is lost when it stops; here it shall be.
  console.warn = () => undefined;
  try {
    return new Provider(issuer, configured);
  } finally {
    console.warn = warn;
  }
}

/** The resource a token is asked for decides its algorithm. */
const resourceFor = (algorithm: SigningAlgorithm) => `urn:tenantry:${algorithm}`;

function configuration({ accounts, audience }: ProviderOptions, keys: readonly JWK[]): Configuration {
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
    ],
    ttl: { Interaction: 60, Session: 60, Grant: 300, AuthorizationCode: 60, IdToken: 300 },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    findAccount: (_ctx, sub) => (accountOf(sub) ? { accountId: sub, claims: () => ({ sub }) } : undefined),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    extraTokenClaims: (_ctx, token) => {
      const account = 'accountId' in token ? accountOf(token.accountId) : undefined;
      return account && { email: account.email, email_verified: true, tenant_id: account.tenant };
    },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: 'api',
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 7_200,
          jwt: { sign: { alg: resource.endsWith('ES256') ? 'ES256' : 'RS256' } },
        }),
      },
    },
  };
}

/** The provider, and the user who logs in as whom the client hints at and agrees to what it asks for. */
function handlerOf(provider: Provider): (request: IncomingMessage, response: ServerResponse) => void {
  const serve = provider.callback();
  return (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return void serve(request, response);
    agree(provider, request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  };
}

async function agree(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, {
      login: { accountId: String(params['login_hint']) },
    });
  }
  const grant = new provider.Grant({ accountId: session?.accountId ?? '', clientId: CLIENT.id });
  grant.addOIDCScope('openid');
  grant.addResourceScope(String(params['resource']), 'api');
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

/** What a browser and a client do together: follow the redirects with the cookies, then redeem the code. */
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
