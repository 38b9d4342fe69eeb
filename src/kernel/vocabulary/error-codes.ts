/**
 * The closed list of error codes. `enum ErrorCode` of the schema, its descriptions and the HTTP statuses are made from
 * it; docs/errors.md has a section for each code.
 */

interface CodeInfo {
  /** The HTTP status of an answer that has only this error. */
  readonly status: number;
  /** The description in the schema. */
  readonly meaning: string;
}

/** The codes of our own errors. */
const OWN_CODES = {
  UNAUTHENTICATED: { status: 401, meaning: 'There is no valid token or API key. Sign in again.' },
  FORBIDDEN: { status: 403, meaning: 'The caller lacks what `extensions.requires` names.' },
  TENANT_REQUIRED: { status: 403, meaning: 'Neither the subdomain nor the token names a tenant.' },
  TENANT_MISMATCH: { status: 403, meaning: 'The token or the API key is for another tenant than the host.' },
  TENANT_SUSPENDED: {
    status: 403,
    meaning: 'The tenant is suspended. Its data is kept. `extensions.reason` says why.',
  },
  TENANT_NOT_FOUND: { status: 404, meaning: 'There is no such tenant.' },
  NOT_FOUND: { status: 404, meaning: 'This tenant has no object with this id.' },
  BAD_REQUEST: { status: 400, meaning: 'The request is not a GraphQL request, or exceeds a limit of HTTP.' },
  PERSISTED_QUERY_NOT_FOUND: {
    // The status of Apollo's servers: the client then sends the document.
    status: 200,
    meaning: 'The server does not know the document of this id. Send the document with its hash.',
  },
  DOCUMENT_NOT_TRUSTED: { status: 403, meaning: 'The server accepts only trusted documents.' },
  COST_LIMIT_EXCEEDED: {
    status: 400,
    meaning: 'The answer may have too many values. Ask for smaller pages.',
  },
  ANSWER_TOO_LARGE: {
    // The status of COST_LIMIT_EXCEEDED, because the same request is refused again. 413 is for large requests.
    status: 400,
    meaning: 'The answer has more bytes than `extensions.limit`. Ask for smaller pages.',
  },
  BAD_USER_INPUT: { status: 400, meaning: 'A value is not acceptable. `extensions.field` has its path.' },
  QUOTA_EXCEEDED: {
    status: 403,
    meaning:
      'The plan of the tenant allows no more of `extensions.resource`. Remove some, or change the plan.',
  },
  CONFLICT: { status: 409, meaning: 'The change conflicts with the state of the data. Read the data again.' },
  RATE_LIMITED: {
    status: 429,
    meaning: 'Too many requests. Try again after `extensions.retryAfter` seconds.',
  },
  UNAVAILABLE: { status: 503, meaning: 'The server is too busy, or has no database. Try again later.' },
  DEADLINE_EXCEEDED: { status: 504, meaning: 'The request took too long. Ask for less in one request.' },
  INTERNAL_SERVER_ERROR: {
    status: 500,
    meaning: 'A defect of the server. Report `extensions.requestId`.',
  },
} as const satisfies Readonly<Record<string, CodeInfo>>;

/** The codes of Apollo Server, for documents that cannot be executed. */
const DOCUMENT_CODES = {
  GRAPHQL_PARSE_FAILED: { status: 400, meaning: 'The document is not GraphQL.' },
  GRAPHQL_VALIDATION_FAILED: {
    status: 400,
    meaning: 'The document does not fit the schema, or is too large.',
  },
  OPERATION_RESOLUTION_FAILURE: { status: 400, meaning: 'It is not clear which operation to execute.' },
} as const satisfies Readonly<Record<string, CodeInfo>>;

/** A code of our own errors. */
export type ErrorCode = keyof typeof OWN_CODES;

/** Every code of our own, with the HTTP status of an answer that has only this error. */
export const ERROR_STATUS = Object.fromEntries(
  Object.entries(OWN_CODES).map(([code, { status }]) => [code, status]),
) as { readonly [Code in ErrorCode]: (typeof OWN_CODES)[Code]['status'] };

const ALL_CODES: Readonly<Record<string, CodeInfo>> = { ...OWN_CODES, ...DOCUMENT_CODES };

/** All values that `extensions.code` can have, in alphabetical order. */
export const ERROR_CODES: readonly string[] = Object.keys(ALL_CODES).sort();

/** The SDL of `enum ErrorCode`. */
export const errorCodeEnum = (): string => {
  const values = ERROR_CODES.map((code) => `  ${JSON.stringify(ALL_CODES[code]!.meaning)}\n  ${code}`);
  return `"What went wrong: the values of \`extensions.code\`."\nenum ErrorCode {\n${values.join('\n')}\n}\n`;
};
