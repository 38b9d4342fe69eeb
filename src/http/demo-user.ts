/** A member of a demo tenant, with a token: for the pages that stand in for a login in development. */
export interface DemoUser {
  readonly email: string;
  /** The slug of the tenant. */
  readonly tenant: string;
  readonly token: string;
}

/** An operator of the demo, with a token. */
export interface DemoOperator {
  readonly name: string;
  /** What the operator may do. */
  readonly scope: string;
  readonly token: string;
}

/** Makes tokens for users of the demo. */
export type DemoUsers = () => Promise<readonly DemoUser[]>;

/** Those who can be chosen in development, where nobody logs in. */
export interface Demo {
  readonly users?: DemoUsers | undefined;
  readonly operators?: (() => Promise<readonly DemoOperator[]>) | undefined;
}
