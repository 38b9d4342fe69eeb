/** What a client needs to know of the server and of its user. */
export interface Session {
  /** `https://acme.example.com/graphql` */
  readonly url: string;
  /** A token that is valid now; asked for with each request and each connection. */
  readonly token: () => Promise<string>;
  /** Instead of the platform's. */
  readonly fetch?: typeof fetch;
  /** Instead of the platform's; Node.js has one from version 22 on. */
  readonly webSocket?: unknown;
}
