/**
 * Runs operations. A query that comes again is compiled to a function (graphql-jit), which takes a fraction of the time
 * that graphql-js does. The answer is the same: whatever the two may see differently is left to graphql-js, which also
 * runs every mutation.
 */
import {
  defaultFieldResolver,
  execute,
  getOperationAST,
  getVariableValues,
  isEnumType,
  isNonNullType,
  isSpecifiedScalarType,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit';
import { objectTypes } from '../access/guards.js';
import { PublicError } from '../errors.js';
import { DateTime } from './date-time.js';

/** Compiling takes longer than running: a document that comes once or twice, an attacker's say, is not worth it. */
const COMPILED_AT_USE = 3;
/** It takes time in proportion to the fields, during which nobody else is served. */
const LARGEST_COMPILED = 500;

/** An operation to run. */
export interface Execution {
  readonly document: DocumentNode;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: unknown;
}

export type Execute = (execution: Execution) => Promise<ExecutionResult>;

/** Makes the function that runs operations on `schema`; documents are expected to be validated, and kept by the caller. */
export function createExecute(schema: GraphQLSchema): Execute {
  resolveWhatMayBeAPromise(schema);
  const documents = new WeakMap<DocumentNode, Map<string | null, Compilation>>();

  return async ({ document, operationName, variables, context }) => {
    const operations = documents.get(document) ?? new Map<string | null, Compilation>();
    documents.set(document, operations);
    const compilation = operations.get(operationName) ?? new Compilation(schema, document, operationName);
    operations.set(operationName, compilation);

    const result = await compilation.use(variables)?.query(undefined, context, variables);
    if (result && isCertain(result)) return result;
    return execute({
      schema,
      document,
      contextValue: context,
      variableValues: variables,
      operationName,
    });
  };
}

/** An operation that comes again. */
class Compilation {
  private uses = 0;
  private compiled: CompiledQuery | undefined;
  private readonly operation: OperationDefinitionNode | undefined;

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly document: DocumentNode,
    operationName: string | null,
  ) {
    const operation = getOperationAST(document, operationName);
    if (
      operation?.operation === OperationTypeNode.QUERY &&
      fieldsOf(operation, document) <= LARGEST_COMPILED
    ) {
      this.operation = operation;
    }
  }

  /** The compiled operation when there is one, and it can be run with these variables. */
  use(variables: Execution['variables']): CompiledQuery | undefined {
    if (!this.operation) return undefined;
    if (++this.uses === COMPILED_AT_USE) {
      const query = compileQuery(this.schema, this.document, this.operation.name?.value);
      if (isCompiledQuery(query)) this.compiled = query;
    }
    if (!this.compiled) return undefined;
    const declared = this.operation.variableDefinitions ?? [];
    if (declared.length === 0) return this.compiled;
    // The words in which a variable is refused are those of graphql-js.
    return getVariableValues(this.schema, declared, variables).errors ? undefined : this.compiled;
  }
}

/** Whether graphql-js would answer the same: a refusal that a resolver threw is a matter of no opinion. */
const isCertain = ({ errors }: ExecutionResult): boolean =>
  errors === undefined || errors.every(({ originalError }) => originalError instanceof PublicError);

/**
 * graphql-jit takes a field without a resolver for a property that holds the value itself, where graphql-js also waits
 * for a promise and calls a function. Where that would go unnoticed, because no scalar refuses to serialize it, the
 * field is given the resolver of graphql-js.
 */
function resolveWhatMayBeAPromise(schema: GraphQLSchema): void {
  for (const type of objectTypes(schema)) {
    for (const field of Object.values(type.getFields())) {
      if (!refusesPromises(field.type)) field.resolve ??= defaultFieldResolver;
    }
  }
}

function refusesPromises(type: GraphQLOutputType): boolean {
  const value = isNonNullType(type) ? type.ofType : type;
  return isEnumType(value) || value === DateTime || isSpecifiedScalarType(value as never);
}

/** How many fields an operation consists of, those of a fragment counted wherever it is spread; enough, when too many. */
function fieldsOf(operation: OperationDefinitionNode, { definitions }: DocumentNode): number {
  const fragments = new Map(
    definitions.flatMap((each) => (each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each]] : [])),
  );
  let count = 0;
  const add = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (count > LARGEST_COMPILED) return;
      if (selection.kind === Kind.FIELD) count++;
      const below = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value) : selection;
      if (below?.selectionSet) add(below.selectionSet);
    }
  };
  add(operation.selectionSet);
  return count;
}
