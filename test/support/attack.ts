/**
 * The type of an attack, and how attacks are sent. The lists of attacks are data: test files run them against a server,
 * and `npm run generate` writes docs/attack-table.md from them. So nothing here may import the test runner.
 */
import { connect } from 'node:net';
import type { TestDatabase } from './database.js';

/** A server under attack. The attackers are the demo users of the tenant `acme`. */
export interface Target {
  readonly url: string;
  /** A server on the same database that answers trusted documents only. */
  readonly trustedOnlyUrl: string;
  readonly database: TestDatabase;
  /** A demo user's token: `token('viewer', 'acme')`. */
  token(user: string, tenant?: string): Promise<string>;
  /** A token with any claims, by default signed with the server's secret. */
  sign(claims: object, options?: { readonly secret?: string; readonly algorithm?: 'HS512' | 'none' }): string;
}

export interface Outcome {
  readonly status: number;
  /** The body as received. */
  readonly text: string;
}

export interface Attack {
  /** The target: an operation, a field or the connection. */
  readonly on: string;
  /** What the attacker tries. */
  readonly attack: string;
  readonly status: number;
  /** The code that every error of the answer must have. */
  readonly code: string;
  readonly send: (target: Target) => Promise<Outcome>;
}

export interface AttackSection {
  readonly title: string;
  /** What applies to all attacks of the section. */
  readonly about: string;
  readonly attacks: readonly Attack[];
}

export interface GraphqlRequest {
  readonly query?: unknown;
  readonly variables?: unknown;
  readonly [other: string]: unknown;
}

/** POSTs JSON, or a string unchanged. The caller is a demo user, by default the owner of acme. */
export async function post(
  target: Target,
  body: GraphqlRequest | readonly GraphqlRequest[] | string,
  { user = 'owner', tenant = 'acme', headers = {}, url = target.url }: PostOptions = {},
): Promise<Outcome> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${await target.token(user, tenant)}`,
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

export interface PostOptions {
  readonly user?: string;
  readonly tenant?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly url?: string;
}

/** Sends any bytes and reads until the server closes the connection. */
export function sendRaw({ url }: Pick<Target, 'url'>, ...parts: readonly string[]): Promise<Outcome> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      for (const part of parts) socket.write(part, 'latin1');
    });
    socket.setTimeout(30_000, () => socket.destroy(new Error('the server neither answers nor closes')));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A server that refuses a request without reading it may close the connection while we still write.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (chunks.length === 0) reject(error);
    });
    socket.on('close', () => {
      const answer = Buffer.concat(chunks).toString();
      const [head = '', text = ''] = answer.split('\r\n\r\n', 2);
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), text });
    });
  });
}

/**
 * Sends a POST to /graphql as the owner of acme, with additional header lines. Asks the server to close the connection.
 */
export async function rawPost(
  target: Target,
  lines: readonly string[],
  body = '{"query":"{__typename}"}',
): Promise<Outcome> {
  const head = [
    'POST /graphql HTTP/1.1',
    'Content-Type: application/json',
    'Connection: close',
    `Authorization: Bearer ${await target.token('owner')}`,
    ...lines,
  ];
  return sendRaw(target, `${head.join('\r\n')}\r\n\r\n${body}`);
}
