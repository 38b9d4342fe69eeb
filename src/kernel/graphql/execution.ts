/**
 * Runs operations. A repeated query is compiled to a function (graphql-jit), which takes a fraction of the time of
 * graphql-js. The answer is the same: graphql-js runs every operation whose answer may differ, and every mutation.
 */
import { createRequire } from 'node:module';
import {
  execute,
  getOperationAST,
  isLeafType,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit';
import type * as JitRuntime from 'graphql-jit/dist/runtime';
import { LRUCache } from 'lru-cache';
import { PublicError } from '../vocabulary/errors.js';
import { fragmentsOf } from '../request/selections.js';
import { leastBytes, type AnswerBytes } from '../request/answer-bytes.js';
import { locate, withTokens } from './locations.js';
import { bytesOf } from './parse-document.js';
import { compilable, isCompilableSchema, type Compilable } from './compilable.js';
import { idSerializers, withIdsAsScalars } from './ids.js';
import { prepareResolvers } from './resolvers.js';
import { coerceVariables } from './variables.js';

/**
 * Compiling takes longer than running, so a document that is used once or twice (for example an attacker's) is not
 * compiled.
 */
const COMPILED_AT_USE = 3;
/**
 * The size of an operation: its fields, each counted once per level of its path, which the compiled code contains.
 * Compiling takes time in proportion and blocks the process.
 */
const LARGEST_COMPILED = 2_500;
/**
 * The limit of the cache in bytes, including documents. The least recently used operation is dropped first, and its
 * uses are counted again.
 */
export const COMPILED_BYTES = 32 * 1024 * 1024;
/** The most memory of a compiled operation: per unit of its size, and fixed. */
const BYTES_BY_SIZE = 1_000;
const BYTES_PER_OPERATION = 24 * 1024;
/** The size of a document with more fields is not computed. */
const MOST_FIELDS = 500;
/**
 * An answer with fewer characters of text and without long field names is serialized without counting its bytes first,
 * because the result is at most a few times as large as the values already in memory.
 */
const CERTAINLY_SMALL = 4_000_000;
const SHORT_NAME = 64;

/** An operation to run. */
export interface Execution {
  readonly document: DocumentNode;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: unknown;
}

export type Execute = (execution: Execution) => Promise<ExecutionResult>;

/**
 * Returns the function that runs operations on `schema`; documents must come from a {@link DocumentReader}.
 *
 * @param hideSuggestions removes suggestions of similar names of the schema from messages
 */
export function createExecute(schema: GraphQLSchema, hideSuggestions = false): Execute {
  prepareResolvers(schema);
  const compiler = isCompilableSchema(schema) ? new Compiler(schema) : undefined;
  // Keyed by the operation itself: a document has few operations, but clients can invent any number of names.
  const compilations = new WeakMap<OperationDefinitionNode, Compilation>();

  const compilationOf = (document: DocumentNode, operation: OperationDefinitionNode): Compilation => {
    const compilation = compilations.get(operation) ?? new Compilation(document, operation);
    compilations.set(operation, compilation);
    return compilation;
  };

  return async ({ document, operationName, variables, context }) => {
    const operation = getOperationAST(document, operationName);
    if (operation) {
      const given = coerceVariables(schema, operation, variables, { hideSuggestions });
      if (!given.coerced) return { errors: given.errors };
      const compilation = compilationOf(document, operation);
      const before = compiler?.characters ?? 0;
      const query = compiler?.use(compilation, given.coerced);
      const result = await query?.(undefined, context, variables);
      if (result && isCertain(result)) {
        const isSmall = compiler!.characters - before < CERTAINLY_SMALL && compilation.hasShortNames;
        return isSmall && !answerBytesOf(context)?.isOver ? result : limited(result, context);
      }
    }
    const result = await execute({
      schema,
      document,
      contextValue: context,
      variableValues: variables,
      operationName,
      hideSuggestions,
    });
    locate(result.errors);
    return limited(result, context);
  };
}

/** Undefined in tests without a client's request. */
const answerBytesOf = (context: unknown): AnswerBytes | undefined =>
  (context as { readonly bytes?: AnswerBytes } | undefined)?.bytes;

const limited = (result: ExecutionResult, context: unknown): ExecutionResult =>
  answerBytesOf(context)?.limit(result) ?? result;

/** A repeated operation. */
class Compilation {
  uses = 0;
  readonly size: number;
  /** True when no field has a long name in the answer. */
  readonly hasShortNames: boolean;

  constructor(
    readonly document: DocumentNode,
    readonly operation: OperationDefinitionNode,
  ) {
    const isQuery = operation.operation === OperationTypeNode.QUERY;
    const { size, longestName } = isQuery ? sizeOf(operation, document) : NOT_COMPILED;
    this.size = size;
    this.hasShortNames = longestName <= SHORT_NAME;
  }
}

const NOT_COMPILED = { size: Infinity, longestName: Infinity };

interface Compiled extends Compilable {
  readonly query: CompiledQuery['query'];
}

class Compiler {
  private readonly compiled = new LRUCache<Compilation, Compiled>({
    maxSize: COMPILED_BYTES,
    sizeCalculation: (_compiled, { document, size }) =>
      bytesOf(document) + BYTES_PER_OPERATION + size * BYTES_BY_SIZE,
    dispose: (_compiled, compilation) => (compilation.uses = 0),
  });
  private readonly serializers: ReturnType<typeof serializersOf>;
  /** The characters of text in all answers so far. */
  characters = 0;

  constructor(private readonly schema: GraphQLSchema) {
    this.serializers = serializersOf(schema, (value) => {
      this.characters += typeof value === 'string' ? value.length : leastBytes(value, CERTAINLY_SMALL);
    });
  }

  /** The compiled operation, if there is one and it can run with these variables. */
  use(compilation: Compilation, coerced: Execution['variables']): CompiledQuery['query'] | undefined {
    if (compilation.size > LARGEST_COMPILED) return undefined;
    if (++compilation.uses === COMPILED_AT_USE) this.compile(compilation);
    const compiled = this.compiled.get(compilation);
    if (!compiled) return undefined;
    for (const [name, isNonNull] of compiled.nestedVariables) {
      if (coerced[name] === undefined || (isNonNull && coerced[name] === null)) return undefined;
    }
    return compiled.query;
  }

  private compile(compilation: Compilation): void {
    const { document, operation } = compilation;
    const found = compilable(this.schema, document);
    if (!found) return;
    const options = { customSerializers: this.serializers };
    const query = withTokens(document, () =>
      withIdsAsScalars(this.schema, () =>
        compileQuery(this.schema, document, operation.name?.value, options),
      ),
    );
    if (isCompiledQuery(query)) this.compiled.set(compilation, { ...found, query: query.query });
  }
}

// graphql-jit completes a resolver's promise in its callback. An error thrown there (by a getter or an iterator) would
// not be caught: there would be no answer, and the process would end. Its ES modules import the CommonJS build of
// graphql.
const { jitRuntime } = createRequire(import.meta.url)('graphql-jit/dist/runtime') as typeof JitRuntime;
const complete: typeof jitRuntime.handleResolverResult = (context, value, onSuccess, onError) => {
  const succeed = (result: unknown) => {
    try {
      onSuccess(result);
    } catch (cause) {
      // Not passed on unchanged, because graphql-js may report another path.
      onError(new Error('not for graphql-jit', { cause }));
    }
  };
  if (!isPromise(value)) {
    succeed(value);
    return;
  }
  context.promiseCounter++;
  const settled = () => {
    if (--context.promiseCounter === 0) context.resolve?.(context);
  };
  value.then(
    (result: unknown) => {
      succeed(result);
      settled();
    },
    (error: unknown) => {
      onError(error);
      settled();
    },
  );
};
jitRuntime.handleResolverResult = complete;
jitRuntime.handleListItemResult = complete;

/** graphql-jit's test for a promise. */
const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** The serializers of leaf types. Values that are not plain, above all promises, are left to graphql-js. */
function serializersOf(
  schema: GraphQLSchema,
  count: (serialized: unknown) => void,
): Record<string, (value: unknown) => unknown> {
  const leaves = Object.values(schema.getTypeMap()).filter(isLeafType);
  const all = [
    ...leaves.map((type) => [type.name, (value: unknown): unknown => type.serialize(value)] as const),
    ...Object.entries(idSerializers(schema)),
  ];
  return Object.fromEntries(
    all.map(([name, serialize]) => [
      name,
      (value: unknown) => {
        if (isPromise(value)) value.then(undefined, () => undefined);
        const serialized = serialize(value);
        if (serialized === null || serialized === undefined) throw new Error('not for graphql-jit');
        count(serialized);
        return serialized;
      },
    ]),
  );
}

/**
 * Whether graphql-js would give the same answer: true if all errors are public errors thrown by resolvers, and each
 * makes only its own field null.
 */
const isCertain = ({ data, errors }: ExecutionResult): boolean =>
  errors === undefined ||
  errors.every(({ originalError, path }) => originalError instanceof PublicError && at(data, path) === null);

function at(data: unknown, path: readonly (string | number)[] | undefined): unknown {
  let value = data;
  for (const key of path ?? []) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}

/**
 * The size of an operation, with a fragment's fields counted at each spread; above the limit when it has too many
 * fields.
 */
function sizeOf(
  operation: OperationDefinitionNode,
  document: DocumentNode,
): { readonly size: number; readonly longestName: number } {
  const fragments = fragmentsOf(document);
  let [fields, size, longestName] = [0, 0, 0];
  const add = ({ selections }: SelectionSetNode, depth: number): void => {
    for (const selection of selections) {
      if (fields > MOST_FIELDS) return;
      const isField = selection.kind === Kind.FIELD;
      if (isField) {
        [fields, size] = [fields + 1, size + depth];
        longestName = Math.max(longestName, (selection.alias ?? selection.name).value.length);
      }
      const below = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value) : selection;
      if (below?.selectionSet) add(below.selectionSet, isField ? depth + 1 : depth);
    }
  };
  add(operation.selectionSet, 1);
  return { size: fields > MOST_FIELDS ? Infinity : size, longestName };
}
