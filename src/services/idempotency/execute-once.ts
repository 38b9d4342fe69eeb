/**
 * Executes mutations with an Idempotency-Key once. Mutation, key and result are one transaction: either all three are
 * committed, and a retry gets the result, or none is, and a retry runs again. No answer is sent before COMMIT.
 */
import { hash } from 'node:crypto';
import {
  GraphQLError,
  OperationTypeNode,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLFormattedError,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { objectTypes } from '../../kernel/access/guards.js';
import { isSecretField } from '../../kernel/access/schema-types.js';
import {
  badInput,
  conflict,
  ERROR_STATUS,
  PublicError,
  publicError,
  withCause,
} from '../../kernel/vocabulary/errors.js';
import { Loaders } from '../../kernel/graphql/loaders.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { Api } from '../../kernel/graphql/schema.js';
import { leastBytes, type AnswerBytes } from '../../kernel/request/answer-bytes.js';
import { isTransient } from '../../kernel/driver/retry.js';
import type { TenantBinder, TenantClient, TenantTx } from '../../kernel/tenancy/tenant-client.js';
import { resultAgain, type KeptResult } from './kept-result.js';
import { keepResult, takeKey } from './key-store.js';
import { reachedFields, type ReachedRoot } from './reached-fields.js';

/** A larger result is sent, but not kept. */
export const MOST_KEPT_BYTES = 256 * 1024;

const KEY = /^[\x21-\x7e]{1,255}$/;

/** An operation that has been parsed and validated. */
export interface Operation {
  /** The text of the document. */
  readonly source: string;
  readonly document: DocumentNode;
  /** Undefined when the document has no operation of the requested name. */
  readonly operation: OperationDefinitionNode | undefined;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly context: RequestContext;
  /** Called when the result is that of an earlier request. */
  readonly onReplay: () => void;
}

/**
 * Executes the operation with this context. Called once per attempt: after a deadlock the whole operation is repeated.
 */
export type Execute = (context: RequestContext) => ExecutionResult | Promise<ExecutionResult>;

export interface ExecuteOnceParts {
  readonly api: Pick<Api, 'schema' | 'guards'>;
  readonly database: Pick<TenantBinder, 'unitOfWork'>;
  /** The form of an error for the client. */
  readonly publicForm: (error: GraphQLError, context: RequestContext) => GraphQLFormattedError;
}

/**
 * Returns the function that executes operations: a mutation with a key once, all others normally. Results are kept for
 * 24 hours, for the same tenant and actor. A refused operation has no `data`:
 *
 * - BAD_REQUEST for a key that is not 1 to 255 visible ASCII characters;
 * - BAD_USER_INPUT for a mutation that selects a field with `@secret`: its answer is not kept;
 * - CONFLICT for a key that was used with another document, operation name or variables, that a running request uses,
 *   or whose result was too large to keep, and when others change the same data;
 * - ANSWER_TOO_LARGE for a result that is too large to be sent;
 * - UNAVAILABLE when the connection is lost. A retry with the same key tells whether the mutation took effect.
 *
 * When a root field fails, all are rolled back, and nothing is kept.
 */
export function createExecuteOnce({
  api: { schema, guards },
  database,
  publicForm,
}: ExecuteOnceParts): (operation: Operation, execute: Execute) => Promise<ExecutionResult> {
  const secrets = secretFields(schema);

  return async ({ source, document, operation, variables, context, onReplay }, execute) => {
    const { idempotencyKey: key } = context;
    if (key === undefined || operation?.operation !== OperationTypeNode.MUTATION) return execute(context);

    const roots = reachedFields(schema, document, operation);
    const { permissions } = context.viewer;
    let replayed = false as boolean;

    const executeOrReplay = async (
      fingerprint: string,
      db: TenantClient,
      tx: TenantTx,
    ): Promise<ExecutionResult> => {
      context.bytes.restart();
      const kept = await takeKey(tx, key, fingerprint);
      replayed = kept !== undefined;
      if (kept) {
        if (kept.fingerprint !== fingerprint)
          throw conflict('This Idempotency-Key came with another request.');
        if (!kept.result) throw conflict('This took effect before. Its answer was too large to be kept.');
        return resultAgain(kept.result, kept.permissions, permissions, { roots, schema, guards });
      }
      const result = await execute({ ...context, ...within(db), loaders: new Loaders() });
      undoWhenFailed(result);
      const text = textOf(result, context.bytes, (error) => publicForm(error, context));
      await keepResult(tx, key, text, [...permissions].sort());
      return result;
    };

    try {
      checkKey(key);
      refuseSecrets(roots.values(), secrets);
      const fingerprint = fingerprintOf(source, operation, variables);
      const result = await database.unitOfWork(context.db.context, (db, tx) =>
        executeOrReplay(fingerprint, db, tx),
      );
      if (replayed) onReplay();
      return result;
    } catch (error) {
      if (error instanceof Undone) return error.result;
      const known = publicError(error);
      if (known) return refused(known);
      context.log.error({ err: error }, 'a mutation with an idempotency key failed');
      throw error;
    }
  };
}

/** The parts of a context that use the database, bound to the transaction. */
const within = (db: TenantClient): Partial<RequestContext> => ({ db, unit: db });

function checkKey(key: string): void {
  if (KEY.test(key)) return;
  throw new PublicError('BAD_REQUEST', 'An Idempotency-Key has 1 to 255 visible ASCII characters.');
}

function refuseSecrets(roots: Iterable<ReachedRoot>, secrets: ReadonlySet<string>): void {
  for (const { fields } of roots) {
    for (const field of fields) {
      if (secrets.has(field)) {
        throw badInput(`The answer of ${field} is not kept: send this mutation without an Idempotency-Key.`);
      }
    }
  }
}

/** The coordinates of the fields with `@secret`. */
function secretFields(schema: GraphQLSchema): ReadonlySet<string> {
  return new Set(
    objectTypes(schema).flatMap((type) =>
      Object.values(type.getFields()).flatMap((field) =>
        isSecretField(field) ? [`${type.name}.${field.name}`] : [],
      ),
    ),
  );
}

/**
 * A hash of everything that determines the mutation. The order of an object's fields does not matter.
 *
 * @throws BAD_USER_INPUT for variables that are nested some thousand levels deep
 */
function fingerprintOf(
  source: string,
  { name }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>> = {},
): string {
  try {
    const input = JSON.stringify([source, name?.value, variables], (_key, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
        : value,
    );
    return hash('sha256', input);
  } catch (error) {
    throw error instanceof RangeError ? badInput('The variables are nested too deep.') : error;
  }
}

/** Rolls the transaction back, and carries the answer. */
class Undone extends Error {
  constructor(readonly result: ExecutionResult) {
    super('a root field failed');
  }
}

/**
 * Throws when a root field failed: the first error for which a retry may succeed, else {@link Undone}. Successful
 * fields are rolled back too, so the answer then has no data.
 */
function undoWhenFailed(result: ExecutionResult): void {
  const { data, errors = [] } = result;
  const failed = Object.keys(data ?? {}).filter(
    (name) => data?.[name] == null && errors.some(({ path }) => path?.[0] === name),
  );
  if (data && failed.length === 0) return;
  const transient = errors.map(({ originalError }) => originalError).find(isTransient);
  if (transient) throw transient;
  const allFailed = !data || failed.length === Object.keys(data).length;
  throw new Undone(allFailed ? result : { ...result, data: null });
}

/** The bytes of the answer's cost, which is not part of the result. */
const ROOM_FOR_EXTENSIONS = 100;

/**
 * The text of the result; null when it is too large to keep.
 *
 * @throws ANSWER_TOO_LARGE when it cannot be sent: the mutation must then have no effect
 */
function textOf(
  { data, errors }: ExecutionResult,
  bytes: AnswerBytes,
  publicForm: (error: GraphQLError) => GraphQLFormattedError,
): string | null {
  const kept: KeptResult = { data: data ?? null, ...(errors && { errors: errors.map(publicForm) }) };
  if (leastBytes(kept, bytes.most) > bytes.most) throw bytes.error;
  const text = JSON.stringify(kept);
  const size = Buffer.byteLength(text);
  if (size + ROOM_FOR_EXTENSIONS > bytes.most) throw bytes.error;
  return size > MOST_KEPT_BYTES ? null : text;
}

/** The answer to an operation that, as far as the server knows, had no effect. */
function refused(error: PublicError): ExecutionResult {
  const { message, code, extensions } = error;
  const told = new GraphQLError(message, {
    extensions: { ...extensions, http: { status: ERROR_STATUS[code] } },
  });
  return { errors: [withCause(told, error)] };
}
