/** Where users log in with OpenID Connect. */
export interface Login {
  /** Where the provider's pages are: the browser goes there. */
  readonly authorizationEndpoint: string;
  /** Where the page exchanges its code for a token. */
  readonly tokenEndpoint: string;
  /** Where a user is logged out of the provider; undefined when it has no such page. */
  readonly endSessionEndpoint: string | undefined;
  readonly clientId: string;
  /** Whom its tokens are for. */
  readonly audience: string;
  /** What the page asks for, separated by spaces. */
  readonly scope: string;
}
