/** The schema of the server under attack: what its introspection says, or a file where it says nothing. */
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

/** There is no schema to attack by; the message says why. */
export class NoSchema extends Error {
  override readonly name = 'NoSchema';
}

/**
 * The largest schema that any of the callers is told: a field that one role is not told of may well be asked for by it.
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
