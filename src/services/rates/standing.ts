/**
 * How a caller stands towards its limits: as the header fields of the IETF draft (draft-ietf-httpapi-ratelimit-headers),
 * which are structured fields (RFC 9651), and as the error when a limit is exceeded.
 */
import { rateLimited, type PublicError } from '../../kernel/vocabulary/errors.js';
import type { Count, Window } from './ledger.js';

/** What a window of requests is counted for: the label of metrics, and the name of the policy in the header fields. */
export type PolicyName = 'tenant' | 'actor' | 'address' | 'operator';

export interface Policy extends Window {
  readonly name: PolicyName;
}

export interface Standing {
  /** `RateLimit-Policy`: `"tenant";q=600;w=60, "actor";q=300;w=60`. */
  readonly policies: string;
  /** `RateLimit`: `"tenant";r=599;t=60, "actor";r=299;t=60`. */
  readonly remaining: string;
  /** Undefined when the request is admitted. */
  readonly refusal: PublicError | undefined;
}

/** The header field `RateLimit-Policy`. */
export const policyField = (policies: readonly Policy[]): string =>
  policies.map(({ name, most, seconds }) => `"${name}";q=${String(most)};w=${String(seconds)}`).join(', ');

/** Whole seconds until the window ends. A difference of two times is inexact: 3600.0000001 seconds are 3600. */
export const secondsLeft = ({ endsInMs }: Count): number => Math.ceil((endsInMs - 0.001) / 1_000);

/** The member of the header field `RateLimit` of one policy. */
export const remainingOf = ({ name, most }: Policy, count: Count): string =>
  `"${name}";r=${String(Math.max(0, most - count.used))};t=${String(secondsLeft(count))}`;

const WHOSE: Readonly<Record<PolicyName, string>> = {
  tenant: 'This tenant',
  actor: 'This caller',
  address: 'This address',
  operator: 'This operator',
};

/** The error for a request beyond the window. It may be sent again when the window has ended. */
export const refusalOf = ({ name, most, seconds }: Policy, count: Count): PublicError =>
  rateLimited(
    `${WHOSE[name]} may send ${String(most)} requests in ${String(seconds)} seconds. Try again later.`,
    Math.max(1, secondsLeft(count)),
  );
