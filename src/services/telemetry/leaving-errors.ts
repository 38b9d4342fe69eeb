/**
 * Sees every error that is sent to a client: in an answer of any status, in an event, or at the end of a WebSocket.
 * (Data that is not an HTTP request is refused and logged before.) Counts the codes, and reports to the operator why
 * credentials were refused and why the database did not serve.
 */
import { GraphQLError } from 'graphql';
import { RefusedCredential } from '../../kernel/auth/refused-credential.js';
import { databaseRefusal } from '../../kernel/database/refusal.js';
import { failureDetail } from '../../kernel/vocabulary/sql-state.js';
import type { ProblemKind } from '../../kernel/vocabulary/problem-kind.js';
import type { Problems } from './problems.js';

/** Every error that is sent to a client is reported here first, once. */
export class LeavingErrors {
  readonly #problems: Problems;
  readonly #codes = new Map<string, number>();

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  /**
   * @param code the code that the client gets, of the closed list
   * @param error the error that the server threw
   */
  see(code: string, error: unknown): void {
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
    if (!OF_THE_OPERATOR.has(code)) return;
    const chain = chainOf(error);
    const credential = chain.find((each) => each instanceof RefusedCredential);
    if (credential) this.#problems.note(credential.problem);
    else if (code !== 'UNAUTHENTICATED') this.#noteRefusal(chain);
  }

  /** The first error of the chain that comes from the database gives the reason. */
  #noteRefusal(chain: readonly unknown[]): void {
    const causes = chain.filter((each) => each instanceof Error && !(each instanceof GraphQLError));
    const refusals = causes.map((cause) => ({ cause, kind: databaseRefusal(cause) }));
    const refusal = refusals.find(({ kind }) => kind.reason !== 'other') ?? refusals[0];
    if (refusal) this.#problems.note(refusal.kind, failureDetail(refusal.cause));
    else this.#problems.note(UNAVAILABLE, chain[0] instanceof Error ? chain[0].message : undefined);
  }

  /** The number of errors sent since the start, by code. */
  get codes(): ReadonlyMap<string, number> {
    return this.#codes;
  }
}

const OF_THE_OPERATOR: ReadonlySet<string> = new Set(['UNAUTHENTICATED', 'UNAVAILABLE', 'DEADLINE_EXCEEDED']);

/** Without an underlying failure: the server refused by itself, for example while it stops. */
const UNAVAILABLE: ProblemKind = {
  name: 'server',
  reason: 'unavailable',
  sentence: 'requests were answered UNAVAILABLE',
};

const LONGEST_CHAIN = 10;

/** The error and its chain of causes. */
function chainOf(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let each = error; each !== undefined && each !== null && chain.length < LONGEST_CHAIN;) {
    chain.push(each);
    const { originalError, cause } = each as { originalError?: unknown; cause?: unknown };
    each = originalError ?? cause;
  }
  return chain;
}
