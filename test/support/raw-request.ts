import http from 'node:http';

/** An HTTP answer as received. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface RawRequest {
  /** The header that contains the tenant's subdomain. `fetch` does not allow setting it. */
  readonly host?: string;
  readonly authorization?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Declares a body and never sends it. */
  readonly withholdBody?: boolean;
}

/** POSTs to `url` with exactly these headers. Rejects when there is no answer within 30 seconds. */
export function rawPost(url: string, request: RawRequest = {}): Promise<RawAnswer> {
  const { host, authorization, headers, body = '', withholdBody = false } = request;
  return new Promise((resolve, reject) => {
    const outgoing = http.request(url, {
      method: 'POST',
      agent: false,
      headers: {
        'content-type': 'application/json',
        'content-length': withholdBody ? 1_000 : Buffer.byteLength(body),
        ...(host !== undefined && { host }),
        ...(authorization !== undefined && { authorization }),
        ...headers,
      },
    });
    outgoing.setTimeout(30_000, () => outgoing.destroy(new Error('no answer within 30 seconds')));
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text: Buffer.concat(chunks).toString(),
        });
        outgoing.destroy();
      });
    });
    if (withholdBody) outgoing.flushHeaders();
    else outgoing.end(body);
  });
}

/** The parts of a GraphQL answer that the tests read. */
export interface GraphqlBody {
  readonly data?: unknown;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions: Readonly<Record<string, unknown>>;
  }[];
}

export const parseBody = ({ text }: { readonly text: string }): GraphqlBody =>
  JSON.parse(text) as GraphqlBody;
