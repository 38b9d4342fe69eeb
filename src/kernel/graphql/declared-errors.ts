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
import { violatedColumns } from '../vocabulary/sql-state.js';

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
 * - A CONFLICT with a unique key gets `extensions.field`, the path of the field in the mutation's input, when the input
 *   has a field for the last column of the key that it can name.
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
  const columns = violatedColumns(error);
  const input = field.args.find(({ name }) => name === 'input');
  const type = input && getNullableType(input.type);
  if (columns.length === 0 || !isInputObjectType(type)) return error;
  const fields = Object.keys(type.getFields());
  const named = columns.map((column) => fields.find((name) => isStoredIn(name, column)));
  const concerned = named.filter((name) => name !== undefined).at(-1);
  return concerned === undefined
    ? error
    : withCause(conflict(known.message, { field: `input.${concerned}` }), error);
}

/** Whether a field of this name is stored in this column: of a model, or by the convention for names. */
const isStoredIn = (field: string, column: string): boolean =>
  (COLUMNS.get(field)?.has(column) ?? false) ||
  field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) === column;

/** The columns of the models' fields, by the name of the field. */
const COLUMNS: ReadonlyMap<string, ReadonlySet<string>> = columnsByField();

function columnsByField(): ReadonlyMap<string, ReadonlySet<string>> {
  const columns = new Map<string, Set<string>>();
  for (const { fields } of Object.values<ModelInfo>(MODELS)) {
    for (const [name, { column }] of Object.entries(fields)) {
      if (column === undefined) continue;
      columns.set(name, (columns.get(name) ?? new Set()).add(column));
    }
  }
  return columns;
}
