/** Reads the code and the field of an error. */
import type { ErrorCode } from './generated/graphql.js';

/** An error in the form that every client gives it. */
export interface CodedError {
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

export const codeOf = ({ extensions }: CodedError): ErrorCode => extensions?.['code'] as ErrorCode;

export const fieldOf = ({ extensions }: CodedError): string | undefined =>
  typeof extensions?.['field'] === 'string' ? extensions['field'] : undefined;
