import { PublicError, type ErrorCode } from '../../kernel/vocabulary/errors.js';

/** The codes with which the authentication refuses a caller. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'TENANT_REQUIRED',
  'TENANT_MISMATCH',
  'TENANT_SUSPENDED',
  'TENANT_NOT_FOUND',
]);

/** Whether the authentication refused the caller, who therefore has no tenant whose budget it could use. */
export const isOfStranger = (error: unknown): boolean =>
  error instanceof PublicError && REFUSALS.has(error.code);
