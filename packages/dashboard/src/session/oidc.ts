/**
 * Login with OpenID Connect: the authorization code flow with PKCE, as a public client.
 *
 * Guarantees: tokens are in memory only. While the browser is at the provider, the storage of the tab has the state and the
 * verifier of this one login and the path that the user wanted; they are removed when the browser is back. A token is renewed
 * before it ends. While the provider cannot be reached, the page stays open with the token that it has, until the server
 * refuses that.
 */
import {
  BASE,
  goToHostOf,
  SignedOut,
  tenantOfHost,
  type Config,
  type Login,
  type Session,
} from './session.js';

const KEY = 'tenantry:login';
/** A token is renewed when it is valid for less than this. */
const EARLY_MS = 30_000;
/** The provider sends users back to this page. */
export const CALLBACK = `${BASE}/signed-in`;
/** The provider sends users to this page when they have signed out. */
export const SIGNED_OUT = `${BASE}/signed-out`;

interface Begun {
  readonly state: string;
  readonly verifier: string;
  /** The path that the user wanted. */
  readonly from: string;
}

interface Tokens {
  readonly access_token: string;
  readonly expires_in?: number;
  readonly refresh_token?: string;
  readonly id_token?: string;
}

/** The login did not succeed; the message is that of the provider. */
export class LoginFailed extends Error {
  override readonly name = 'LoginFailed';
}

/** Sends the browser to the provider. The promise is for the time until it has left this page. */
export async function goToLogin(login: Login, from: string, tenant?: string): Promise<never> {
  const begun: Begun = { state: random(), verifier: random(), from };
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(begun.verifier));
  const url = new URL(login.authorizationEndpoint);
  const parameters = {
    client_id: login.clientId,
    redirect_uri: window.location.origin + CALLBACK,
    response_type: 'code',
    scope: login.scope,
    state: begun.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
    ...audienceOf(login),
    // Providers that put the tenant into the token learn here which one is wanted.
    ...(tenant !== undefined && { tenant_id: tenant }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  // Several requests may ask for a login at once: the last one is stored, and is the one that the browser goes to.
  sessionStorage.setItem(KEY, JSON.stringify(begun));
  window.location.assign(url);
  return new Promise<never>(() => undefined);
}

/**
 * Ends a login: exchanges the code that the provider has sent along for tokens.
 *
 * @returns the session, and the path that the user wanted
 * @throws LoginFailed
 */
export async function completeLogin(
  config: Config,
  login: Login,
): Promise<{ session: Session; from: string }> {
  const answer = new URLSearchParams(window.location.search);
  const stored = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  const begun = stored === null ? undefined : (JSON.parse(stored) as Begun);
  const code = answer.get('code');
  // Somebody else's code would sign the user in as somebody else, and somebody else's refusal may say anything.
  if (begun?.state !== answer.get('state')) throw new LoginFailed('state');
  const refusal = answer.get('error');
  if (refusal !== null) throw new LoginFailed(answer.get('error_description') ?? refusal);
  if (code === null) throw new LoginFailed('state');
  const tokens = await exchange(login, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: window.location.origin + CALLBACK,
    code_verifier: begun.verifier,
  });
  return { session: new OidcSession(config, login, tokens), from: begun.from };
}

class OidcSession implements Session {
  readonly id = crypto.randomUUID();
  #tokens: Tokens | undefined;
  #until: number;
  #renewing: Promise<string | undefined> | undefined;
  #isProviderAway = false;

  constructor(
    private readonly config: Config,
    private readonly login: Login,
    tokens: Tokens,
  ) {
    this.#tokens = tokens;
    this.#until = endOf(tokens);
  }

  async token(): Promise<string> {
    const { access_token: token } = this.#tokens ?? {};
    if (token === undefined) throw new SignedOut();
    if (performance.now() < this.#until - EARLY_MS) return token;
    const renewed = await this.renew(token);
    if (renewed !== undefined) return renewed;
    if (performance.now() < this.#until || this.#isProviderAway) return token;
    return goToLogin(this.login, window.location.pathname + window.location.search);
  }

  async renew(refused: string): Promise<string | undefined> {
    const { access_token: token, refresh_token: refreshToken } = this.#tokens ?? {};
    if (token !== undefined && token !== refused) return token;
    if (refreshToken === undefined) return undefined;
    this.#renewing ??= this.#renew(refreshToken).finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  async #renew(refreshToken: string): Promise<string | undefined> {
    try {
      const renewed = await exchange(this.login, {
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
      });
      this.#isProviderAway = false;
      // Signed out meanwhile.
      if (!this.#tokens) return undefined;
      this.#tokens = { ...this.#tokens, ...renewed };
      this.#until = endOf(renewed);
      return renewed.access_token;
    } catch (error) {
      this.#isProviderAway = !(error instanceof LoginFailed);
      return undefined;
    }
  }

  switchTo(slug: string): void {
    this.#tokens = undefined;
    if (tenantOfHost(this.config) !== undefined) goToHostOf(slug, this.config);
    else void goToLogin(this.login, `${BASE}/`, slug);
  }

  signOut(): void {
    const { id_token: idToken } = this.#tokens ?? {};
    this.#tokens = undefined;
    const { endSessionEndpoint, clientId } = this.login;
    const landing = window.location.origin + SIGNED_OUT;
    if (endSessionEndpoint === undefined) return window.location.assign(landing);
    const url = new URL(endSessionEndpoint);
    if (idToken !== undefined) url.searchParams.set('id_token_hint', idToken);
    url.searchParams.set('client_id', clientId);
    url.searchParams.set('post_logout_redirect_uri', landing);
    window.location.assign(url);
  }
}

/** @throws LoginFailed */
async function exchange(login: Login, parameters: Record<string, string>): Promise<Tokens> {
  const answer = await fetch(login.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({ client_id: login.clientId, ...audienceOf(login), ...parameters }),
  });
  const tokens = (await answer.json().catch(() => ({}))) as Partial<Tokens> & { error_description?: string };
  const { access_token } = tokens;
  if (access_token === undefined) throw new LoginFailed(tokens.error_description ?? String(answer.status));
  return { ...tokens, access_token };
}

/** Whom the token is for: `resource` is in RFC 8707 and must be a URI, `audience` is what older providers read. */
const audienceOf = ({ audience }: Login): Record<string, string> => ({
  audience,
  ...(URL.canParse(audience) && { resource: audience }),
});

const endOf = ({ expires_in: seconds = 300 }: Tokens): number => performance.now() + seconds * 1_000;

const random = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
