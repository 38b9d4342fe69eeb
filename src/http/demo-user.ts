/** A member of a demo tenant, with a token: for the pages that stand in for a login in development. */
export interface DemoUser {
  readonly email: string;
  /** The slug of the tenant. */
  readonly tenant: string;
  readonly token: string;
}

/** Makes tokens for users of the demo. */
export type DemoUsers = () => Promise<readonly DemoUser[]>;
