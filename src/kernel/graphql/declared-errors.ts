/**
 * Keeps mutations to the error codes that they declare with `@errors`, so the declaration, which clients read in the
 * schema, cannot become wrong. Also adds to the error of a unique key which field of the input is concerned.
 */
import {
  defaultFieldResolver,
  getNullableType,
  isInputObjectType,
  type GraphQLField,
  type GraphQLSchema,
} from 'graphql';
import { MODELS } from '../../generated/data-model/index.js';
import { usesOf } from '../access/schema-types.js';
import { isTransient } from '../driver/retry.js';
import type { ModelInfo } from '../vocabulary/data-model.js';
import { conflict, publicError, withCause, type ErrorCode, type PublicError } from '../vocabulary/errors.js';
import { violatedKey, type UniqueKey } from '../vocabulary/sql-state.js';

/** The codes that any operation can have, whatever it does. */
const EVERYWHERE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'RATE_LIMITED',
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'ANSWER_TOO_LARGE',
  'INTERNAL_SERVER_ERROR',
]);

/**
 * Wraps the mutations of a guarded schema.
 *
 * - The CONFLICT of a unique key gets `extensions.field`: the path of the field of the mutation's input that the key has.
 *   Of several it is the last.
 * - With `refuse`, an error of a mutation with `@errors` whose code is not declared becomes a defect, which is masked
 *   and logged. A mutation without `@errors` may have any code.
 */
export function keepDeclaredErrors(schema: GraphQLSchema, undeclared: 'refuse' | 'pass'): void {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const resolve = field.resolve ?? defaultFieldResolver;
    const declared = declaredCodes(field);
    const told = (error: unknown): unknown => {
      const known = publicError(error);
      if (!known) return error;
      if (undeclared === 'refuse' && declared && !mayHave(declared, known, error)) {
        const message = `the mutation ${field.name} fails with ${known.code}, which its @errors does not declare`;
        return new Error(message, { cause: error });
      }
      return withField(error, known, field);
    };
    field.resolve = async (...of) => {
      let answer: unknown;
      try {
        answer = await resolve(...of);
      } catch (error) {
        throw told(error);
      }
      // graphql-shield returns its refusals.
      if (answer instanceof Error) throw told(answer);
      return answer;
    };
  }
}

function declaredCodes(field: GraphQLField<unknown, unknown>): ReadonlySet<unknown> | undefined {
  const [declared] = usesOf(field, 'errors');
  if (!declared) return undefined;
  const codes = new Set<unknown>(declared['codes'] as readonly unknown[]);
  if (usesOf(field, 'requires').length > 0) codes.add('FORBIDDEN');
  return codes;
}

/** Any change can lose against a concurrent one, so that CONFLICT is not declared. */
const mayHave = (declared: ReadonlySet<unknown>, { code }: PublicError, error: unknown): boolean =>
  declared.has(code) || EVERYWHERE.has(code) || (code === 'CONFLICT' && isTransient(error));

function withField(error: unknown, known: PublicError, field: GraphQLField<unknown, unknown>): unknown {
  const key = violatedKey(error);
  const input = field.args.find(({ name }) => name === 'input');
  const type = input && getNullableType(input.type);
  if (!key || !isInputObjectType(type)) return error;
  const given = type.getFields();
  const concerned = fieldsOfKey(key)
    .filter((name) => given[name] !== undefined)
    .at(-1);
  return concerned === undefined
    ? error
    : withCause(conflict(known.message, { field: `input.${concerned}` }), error);
}

/**
 * The fields of a unique key, found by the name of its index: `invoices_tenant_id_number_key`, as Prisma and PostgreSQL
 * make it. None for a table without a model, and for an index with another name.
 */
function fieldsOfKey({ table, index }: UniqueKey): readonly string[] {
  const model = Object.values<ModelInfo>(MODELS).find((each) => each.table === table);
  if (!model || !index.startsWith(`${table}_`) || !index.endsWith('_key')) return [];
  const fields = Object.entries(model.fields).filter(([, { relation }]) => !relation);
  // The column is left out when it has the name of the field.
  const columns = fields.map(([name, { column }]) => [name, column ?? name] as const);
  return split(index.slice(table.length + 1, -'_key'.length), columns) ?? [];
}

/** The names whose columns, joined by `_`, are the text; undefined when there are none. */
function split(
  text: string,
  columns: readonly (readonly [name: string, column: string])[],
): readonly string[] | undefined {
  for (const [name, column] of columns) {
    if (text === column) return [name];
    if (!text.startsWith(`${column}_`)) continue;
    const others = split(text.slice(column.length + 1), columns);
    if (others) return [name, ...others];
  }
  return undefined;
}
