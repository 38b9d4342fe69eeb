/** A user who has signed in, and where the tokens come from. Tokens are in memory only: a page that is closed has none. */
export interface Session {
  /** Another one for each sign-in and each switch of the tenant: nothing is kept from one to the next. */
  readonly id: string;
  /** A token that is valid now. @throws SignedOut when there is none any more */
  token(): Promise<string>;
  /** Another token, because the server has refused this one. Undefined when there is none. */
  renew(refused: string): Promise<string | undefined>;
  /** Opens another tenant of the same user. */
  switchTo(slug: string): void;
  signOut(): void;
}

/** The user has to sign in again. */
export class SignedOut extends Error {
  override readonly name = 'SignedOut';
}

/** What the server says of the login. */
export interface Config {
  /** The hosts of tenants are `<slug>.<baseDomain>`. */
  readonly baseDomain: string;
  readonly login: Login | null;
}

export interface Login {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly endSessionEndpoint?: string | undefined;
  readonly clientId: string;
  readonly audience: string;
  readonly scope: string;
}

/** Where the pages are on every host: `/app`, and `/operator` those of operators. */
export const BASE = import.meta.env.BASE_URL.replace(/\/$/, '');

/** The slug in the name of the host; undefined when the token alone names the tenant. */
export function tenantOfHost({ baseDomain }: Config, { hostname } = window.location): string | undefined {
  const suffix = `.${baseDomain}`;
  return hostname.endsWith(suffix) ? hostname.slice(0, -suffix.length) : undefined;
}

/** Opens the dashboard at the host of another tenant. Nothing is shared between hosts, not even storage. */
export function goToHostOf(slug: string, { baseDomain }: Config): void {
  const { protocol, port } = window.location;
  window.location.assign(`${protocol}//${slug}.${baseDomain}${port === '' ? '' : `:${port}`}${BASE}/`);
}
