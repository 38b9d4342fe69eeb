/** Servers with an open operators' door, and clients of it. */
import { randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import type { Answer, TestServer, TestServerOptions } from './server.js';

/** Signs the tokens of operators. */
export const OPERATOR_SECRET = 'Jc5wQ8nV2rX7zK4mB9tL6pH3sD1fG0aY';
export const OPERATOR_AUDIENCE = 'tenantry-operators';

/** The configuration that opens the door. */
export const OPERATORS: NonNullable<TestServerOptions['env']> = {
  OPERATOR_JWT_AUDIENCE: OPERATOR_AUDIENCE,
  OPERATOR_JWT_SECRET: OPERATOR_SECRET,
  OPERATOR_REQUESTS_PER_MINUTE: '1000000',
};

export const ALL_SCOPES = 'tenants:read tenants:manage tenants:impersonate tenants:erase';

/** A token of an operator, with these changes of its claims. */
export const operatorToken = (claims: object = {}, secret = OPERATOR_SECRET): string =>
  jwt.sign(
    // Without the claims that are undefined.
    JSON.parse(
      JSON.stringify({
        sub: 'jane@ops.test',
        iss: 'tenantry',
        aud: OPERATOR_AUDIENCE,
        scope: ALL_SCOPES,
        exp: Math.floor(Date.now() / 1_000) + 600,
        ...claims,
      }),
    ) as object,
    secret,
  );

/** Sends a document to the operators' door. */
export async function askOperators<Data = Record<string, unknown>>(
  { url }: Pick<TestServer, 'url'>,
  query: string,
  {
    variables = {},
    token = operatorToken(),
    headers = {},
  }: {
    readonly variables?: Record<string, unknown>;
    /** Null: none. */
    readonly token?: string | null;
    readonly headers?: Record<string, string>;
  } = {},
): Promise<Answer<Data>> {
  const response = await fetch(`${url}/operator/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  const body = JSON.parse(text) as { data?: Data; errors?: Answer['errors'] };
  return {
    status: response.status,
    data: body.data ?? ({} as Data),
    errors: body.errors ?? [],
    headers: response.headers,
    text,
  };
}

/** A slug that no other test uses. */
export const newSlug = (): string => `t-${randomUUID().slice(0, 13)}`;
