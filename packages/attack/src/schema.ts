/** The schema of the attacked server: from introspection, or from a file when introspection is off. */
import { readFile } from 'node:fs/promises';
import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  isObjectType,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';
import { dataOf, type Credential, type Wire } from './wire.js';

/** There is no schema; the message says why. */
export class NoSchema extends Error {
  override readonly name = 'NoSchema';
}

/**
 * The largest schema that introspection shows to any caller, because a role may also query fields that it is not shown.
 *
 * @throws NoSchema, Unreachable
 */
export async function readLiveSchema(wire: Wire, callers: readonly Credential[]): Promise<GraphQLSchema> {
  let largest: GraphQLSchema | undefined;
  let refusal = '';
  for (const as of callers) {
    const answer = await wire.send({ as, body: { query: getIntrospectionQuery() } });
    const data = dataOf(answer);
    if (data?.['__schema'] === undefined) {
      refusal = `${String(answer.status)} ${answer.body.slice(0, 300)}`;
      continue;
    }
    const schema = buildClientSchema(data as unknown as IntrospectionQuery);
    if (!largest || fieldCount(schema) > fieldCount(largest)) largest = schema;
  }
  if (!largest) {
    throw new NoSchema(`The server does not tell its schema (give it with --schema FILE): ${refusal}`);
  }
  return largest;
}

/** @throws NoSchema */
export async function readSchemaFile(file: string): Promise<GraphQLSchema> {
  try {
    return buildSchema(await readFile(file, 'utf8'));
  } catch (error) {
    throw new NoSchema(`${file} is no schema: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const fieldCount = (schema: GraphQLSchema): number =>
  Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .reduce((count, type) => count + Object.keys(type.getFields()).length, 0);
