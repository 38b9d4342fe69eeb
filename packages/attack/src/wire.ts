/** Sends requests as one of the tenants' users, and returns the whole answer: status, headers, bytes. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';

/** Who calls. */
export interface Credential {
  /** The e-mail address or the user id in the token, else its number. */
  readonly label: string;
  /** The name printed instead of the token. */
  readonly variable: string;
  readonly token: string;
}

export interface GraphqlRequest {
  readonly query?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export interface SentRequest {
  readonly as: Credential;
  readonly body: GraphqlRequest;
  /** Sent instead of `body`, for requests that JSON.stringify cannot write. */
  readonly json?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The document and the variables are in the URL. */
  readonly isGet?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** The `x-request-id` that was sent. */
  readonly requestId: string;
}

/** The prefix of a caller's request ids, which identifies its lines in a log. */
export const requestIdsOf = ({ variable }: Credential): string => `attack-${variable}-`;

/** The server cannot be reached. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

const MOST_PATIENCE = 5;

export class Wire {
  /** Requests sent. */
  count = 0;
  private readonly agent: HttpAgent;

  constructor(readonly url: URL) {
    this.agent =
      url.protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  }

  /** Sends a request, and repeats it after a pause while it is answered 429. @throws Unreachable */
  async send(request: SentRequest): Promise<Answer> {
    for (let patience = MOST_PATIENCE; ; patience--) {
      const answer = await this.sendOnce(request);
      if (answer.status !== 429 || patience === 0) return answer;
      const [, seconds = '1'] = answer.headers.find(([name]) => name === 'retry-after') ?? [];
      await wait(Math.min(60, Number(seconds) || 1) * 1_000);
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private sendOnce({ as, body, json, headers = {}, isGet = false }: SentRequest): Promise<Answer> {
    this.count++;
    const requestId = `${requestIdsOf(as)}${randomUUID()}`;
    const payload = Buffer.from(isGet ? '' : (json ?? JSON.stringify(body)));
    const send = this.url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const sent = send(isGet ? withParameters(this.url, body) : this.url, {
        method: isGet ? 'GET' : 'POST',
        agent: this.agent,
        headers: {
          // Of a GET as well: a browser may not send it to another site, which is what servers look for.
          'content-type': 'application/json',
          ...(!isGet && { 'content-length': payload.length }),
          authorization: `Bearer ${as.token}`,
          'x-request-id': requestId,
          ...headers,
        },
      });
      const failed = (error: Error) => reject(new Unreachable(`${this.url.href}: ${error.message}`));
      sent.on('error', failed);
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('error', failed);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: pairs(response.rawHeaders),
            body: Buffer.concat(chunks).toString(),
            requestId,
          }),
        );
      });
      sent.end(payload);
    });
  }
}

function withParameters(url: URL, body: GraphqlRequest): URL {
  const full = new URL(url);
  for (const [name, value] of Object.entries(body)) {
    full.searchParams.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return full;
}

const pairs = (raw: readonly string[]): [string, string][] =>
  raw.flatMap((name, n): [string, string][] => (n % 2 === 0 ? [[name.toLowerCase(), raw[n + 1] ?? '']] : []));

/** The data of an answer; undefined when there is none, or the answer is not JSON. */
export function dataOf({ body }: Answer): Readonly<Record<string, unknown>> | undefined {
  return parsed(body)?.data ?? undefined;
}

/** The codes of the errors of an answer. */
export function codesOf({ body }: Answer): string[] {
  return (parsed(body)?.errors ?? []).map(({ extensions }) => String(extensions?.['code']));
}

/** The messages of the errors of an answer. */
export const messagesOf = ({ body }: Answer): string[] =>
  (parsed(body)?.errors ?? []).map(({ message }) => String(message));

interface GraphqlBody {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly {
    readonly message?: unknown;
    readonly extensions?: Readonly<Record<string, unknown>>;
  }[];
}

function parsed(body: string): GraphqlBody | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Longer ones are cut: the report says what was sent in words. */
const LONGEST_PRINTED = 2_000;

/** The command that sends the request again. The token is that of an environment variable. */
export function asCurl(url: URL, { as, body, json, headers = {}, isGet = false }: SentRequest): string {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const data = json ?? JSON.stringify(body);
  const shown = data.length > LONGEST_PRINTED ? `${data.slice(0, LONGEST_PRINTED)}…` : data;
  const extra = Object.entries(headers).map(([name, value]) => ` -H ${quoted(`${name}: ${value}`)}`);
  const authorization = `-H "authorization: Bearer $${as.variable}"`;
  if (isGet) {
    return (
      `curl -sS ${quoted(withParameters(url, body).href)} -H 'content-type: application/json' ` +
      `${authorization}${extra.join('')}`
    );
  }
  return (
    `curl -sS ${quoted(url.href)} -H 'content-type: application/json' ` +
    `${authorization}${extra.join('')} --data-raw ${quoted(shown)}`
  );
}
