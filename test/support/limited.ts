/** What a caller of a limited server gets: the answer, and how it says the caller stands. */
import { parseList } from 'structured-headers';

export interface CostReport {
  readonly requested: number;
  readonly actual: number;
  readonly limit: number;
  readonly throttle: {
    readonly maximumAvailable: number;
    readonly currentlyAvailable: number;
    readonly restoreRate: number;
  };
}

export interface LimitedAnswer {
  readonly status: number;
  readonly code: string | undefined;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly cost: CostReport | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfter: number | undefined;
  /** By policy, the parameters of `RateLimit-Policy` and `RateLimit`, parsed as RFC 9651 says. */
  readonly policies: Readonly<Record<string, { readonly q: number; readonly w: number }>>;
  readonly remaining: Readonly<Record<string, { readonly r: number; readonly t: number }>>;
}

export interface Ask {
  readonly token?: string;
  readonly query?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Parses a list of items with parameters, as RFC 9651 says. */
export function members<Parameters>(field: string | null): Record<string, Parameters> {
  const items = field === null ? [] : (parseList(field) as unknown as [string, Map<string, unknown>][]);
  const parsed: Record<string, unknown> = {};
  for (const [name, parameters] of items) parsed[name] = Object.fromEntries(parameters);
  return parsed as Record<string, Parameters>;
}

/** Sends one request. Default: the shortest query. */
export async function ask(
  { url }: { readonly url: string },
  { token, query = '{ __typename }', body = JSON.stringify({ query }), headers = {} }: Ask = {},
): Promise<LimitedAnswer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body,
  });
  const answer = (await response.json()) as {
    readonly data?: Readonly<Record<string, unknown>>;
    readonly errors?: readonly { readonly extensions: Readonly<Record<string, unknown>> }[];
    readonly extensions?: { readonly cost?: CostReport };
  };
  const extensions = answer.errors?.[0]?.extensions ?? {};
  const retryAfter = response.headers.get('retry-after');
  return {
    status: response.status,
    code: extensions['code'] as string | undefined,
    extensions,
    cost: answer.extensions?.cost,
    data: answer.data,
    retryAfter: retryAfter === null ? undefined : Number(retryAfter),
    policies: members(response.headers.get('ratelimit-policy')),
    remaining: members(response.headers.get('ratelimit')),
  };
}

/** The value of a metric of a server; undefined when there is none. */
export async function metricOf({ url }: { readonly url: string }, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}
