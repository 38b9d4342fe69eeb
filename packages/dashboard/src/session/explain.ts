/** Says in the viewer's language why something was refused, from the code and the details of the error, never its text alone. */
import type { CombinedError } from '@urql/core';
import type { Texts } from '../texts/en.js';
import { resourceName } from './resource-name.js';

/** A refusal as docs/errors.md describes it. */
export interface Refusal {
  readonly message: string;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The refusals in an error; one with the code OFFLINE when there was no answer. */
export function refusalsOf(error: CombinedError): readonly Refusal[] {
  if (error.graphQLErrors.length === 0) return [{ code: 'OFFLINE', message: '', details: {} }];
  return error.graphQLErrors.map(({ message, extensions }) => ({
    message,
    code: typeof extensions['code'] === 'string' ? extensions['code'] : 'INTERNAL_SERVER_ERROR',
    details: extensions,
  }));
}

/** One or more sentences for people. */
export function explain(refusal: Refusal, texts: Texts): string {
  const { refusals } = texts;
  const { code, message, details } = refusal;
  const text = (name: string): string => {
    const value = details[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '?';
  };
  switch (code) {
    case 'FORBIDDEN':
      return refusals.forbidden(text('requires'));
    case 'QUOTA_EXCEEDED':
      return refusals.quota(resourceName(texts, text('resource')), text('used'), text('limit'));
    case 'RATE_LIMITED':
      return refusals.rateLimited(text('retryAfter'));
    case 'BAD_USER_INPUT':
      return message;
    case 'CONFLICT':
      return details['current'] === undefined ? `${refusals.conflict} ${message}` : refusals.changed;
    case 'NOT_FOUND':
      return refusals.notFound;
    case 'UNAVAILABLE':
    case 'DEADLINE_EXCEEDED':
      return refusals.unavailable;
    case 'OFFLINE':
      return refusals.offline;
    case 'INTERNAL_SERVER_ERROR':
      return refusals.defect(text('requestId'));
    default:
      return `${message} (${code})`;
  }
}

/** The message for a field of a form, whose path ends with this name. */
export function problemOf(refusals: readonly Refusal[], name: string): string | undefined {
  for (const { details } of refusals) {
    const problems = Array.isArray(details['problems'])
      ? (details['problems'] as { field?: string; message?: string }[])
      : [];
    const found = problems.find(({ field = '' }) => field === name || field.endsWith(`.${name}`));
    if (found?.message !== undefined) return found.message;
  }
  return undefined;
}
