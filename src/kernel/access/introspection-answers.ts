/**
 * Answers introspection from the schema of the caller's permissions, and remembers the answers: tools ask the same
 * again and again, and the whole schema takes many milliseconds. An answer depends on nothing else than the permissions,
 * the document, its operation and the variables, and all of these are part of its key.
 */
import { createHash } from 'node:crypto';
import { execute, type DocumentNode, type ExecutionResult, type OperationDefinitionNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Permission } from '../vocabulary/permissions.js';
import { permissionsKey, type RoleSchemas } from './role-schema.js';

/** The limit of all remembered answers together: about fifteen of the whole schema. */
export const KEPT_INTROSPECTION_BYTES = 16 * 1024 * 1024;

/** The most memory of an answer per character of its JSON. A test compares this with the growth of the heap. */
const BYTES_PER_CHARACTER = 6;
/** The memory of the key and the entry. */
const BYTES_PER_ANSWER = 512;

/** A valid document with introspection only. */
export interface Introspection {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** The text of the document. */
  readonly source: string;
  readonly operationName: string | null | undefined;
  readonly variables: Variables | undefined;
}

type Variables = Readonly<Record<string, unknown>>;

interface Remembered {
  /** Shared by all who get it: nobody may change it. */
  readonly data: NonNullable<ExecutionResult['data']>;
  readonly bytes: number;
}

export class IntrospectionAnswers {
  readonly #schemas: Pick<RoleSchemas, 'for'>;
  readonly #kept = new LRUCache<string, Remembered>({
    maxSize: KEPT_INTROSPECTION_BYTES,
    sizeCalculation: ({ bytes }) => bytes,
  });

  constructor(schemas: Pick<RoleSchemas, 'for'>) {
    this.#schemas = schemas;
  }

  /** The memory of the remembered answers, in bytes. */
  get keptBytes(): number {
    return this.#kept.calculatedSize;
  }

  /** The answer, or errors: in valid introspection only variables can be wrong. */
  async answer(permissions: ReadonlySet<Permission>, introspection: Introspection): Promise<ExecutionResult> {
    const key = keyOf(permissions, introspection);
    const known = key === undefined ? undefined : this.#kept.get(key);
    if (known) return { data: known.data };
    const { document, operationName, variables } = introspection;
    const result = await execute({
      schema: this.#schemas.for(permissions),
      document,
      operationName,
      variableValues: variables,
    });
    if (key === undefined || result.errors || !result.data) return result;
    const text = JSON.stringify(result.data);
    // What is parsed takes a third of the memory of what graphql-js makes.
    const data = JSON.parse(text) as Remembered['data'];
    this.#kept.set(key, { data, bytes: text.length * BYTES_PER_CHARACTER + BYTES_PER_ANSWER });
    return { data };
  }
}

/** Undefined when the answer is not worth remembering: no tool sends objects or lists as variables of introspection. */
function keyOf(
  permissions: ReadonlySet<Permission>,
  { operation: { name, variableDefinitions = [] }, source, variables = {} }: Introspection,
): string | undefined {
  const declared = variableDefinitions.map(({ variable }) => variable.name.value);
  const given = declared
    .filter((variable) => Object.hasOwn(variables, variable) && variables[variable] !== undefined)
    .map((variable) => [variable, variables[variable]] as const);
  // They may also be too deep for `JSON.stringify`.
  if (given.some(([, value]) => typeof value === 'object' && value !== null)) return undefined;
  return createHash('sha256')
    .update(JSON.stringify([permissionsKey(permissions), source, name?.value, given]))
    .digest('base64');
}
