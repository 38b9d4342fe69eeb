/** Reads everything that a tenant's users can read, and records each value with its field. */
import {
  getNamedType,
  getNullableType,
  isLeafType,
  isListType,
  isObjectType,
  isScalarType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import { lootValue, MARK, type Loot, type LootValue } from './loot.js';
import { buildRequest, rootPaths, type Arguments, type Path } from './operations.js';
import { fillPath, type Filling } from './values.js';
import { codesOf, dataOf, type Answer, type Credential, type GraphqlRequest, type Wire } from './wire.js';

/** When a server refuses a query as too long, too deep or too costly, a smaller one is sent. */
const DEPTHS = [6, 4, 3, 2, 1, 0];
/** The syntax of what is sent is right, so a parser refuses only its length. */
const TOO_MUCH = /COST|COMPLEX|DEPTH|VALIDATION|PARSE|TOKEN|TOO_LARGE/;

export interface Reading {
  readonly path: Path;
  readonly request: GraphqlRequest;
  readonly answer: Answer;
}

/** Selects everything below a path, as deep as the server allows. */
export async function readDeep(
  {
    schema,
    wire,
    as,
  }: { readonly schema: GraphQLSchema; readonly wire: Pick<Wire, 'send'>; readonly as: Credential },
  path: Path,
  given: Arguments,
): Promise<Reading> {
  let reading: Reading | undefined;
  for (const depth of DEPTHS) {
    const request = buildRequest(schema, path, given, depth);
    reading = { path, request, answer: await wire.send({ as, body: request }) };
    if (!codesOf(reading.answer).some((code) => TOO_MUCH.test(code))) break;
  }
  return reading!;
}

/** Queries every root field as a caller. Adds the values it finds, and uses them for later fields. */
export async function readAll(
  { schema, wire }: { readonly schema: GraphQLSchema; readonly wire: Wire },
  as: Credential,
  loot: Loot,
): Promise<Reading[]> {
  const filling: Filling = { own: loot, text: () => 'nothing', optionalTexts: false };
  const demanding = ({ steps }: Path) =>
    steps[0]!.field.args.filter(({ type }) => String(type).endsWith('!')).length;
  const readings: Reading[] = [];
  for (const path of rootPaths(schema, 'query').sort((a, b) => demanding(a) - demanding(b))) {
    const given = fillPath(path, filling);
    if (!given) continue;
    const reading = await readDeep({ schema, wire, as }, path, given);
    noteAnswer(schema, reading, loot);
    readings.push(reading);
  }
  return readings;
}

const MOST_PAGES = 50;

/** The same, with all pages of each list at the root. */
export async function readPages(
  { schema, wire }: { readonly schema: GraphQLSchema; readonly wire: Wire },
  as: Credential,
  loot: Loot,
): Promise<Reading[]> {
  const readings = await readAll({ schema, wire }, as, loot);
  for (const first of [...readings]) {
    let reading = first;
    for (let page = 1; page < MOST_PAGES; page++) {
      const cursor = nextCursor(reading);
      if (cursor === undefined) break;
      const filling: Filling = { own: loot, text: () => 'nothing', optionalTexts: false };
      const given = fillPath(reading.path, filling)!.map((each) => ({ ...each, after: cursor }));
      const request = buildRequest(schema, reading.path, given, 3);
      reading = { path: reading.path, request, answer: await wire.send({ as, body: request }) };
      noteAnswer(schema, reading, loot);
      readings.push(reading);
    }
  }
  return readings;
}

function nextCursor({ path, answer }: Reading): string | undefined {
  const { field } = path.steps[0]!;
  if (!field.args.some(({ name }) => name === 'after')) return undefined;
  const list = dataOf(answer)?.[field.name] as Connection | null | undefined;
  return list?.pageInfo?.hasNextPage ? (list.pageInfo.endCursor ?? undefined) : undefined;
}

interface Connection {
  readonly pageInfo?: { readonly hasNextPage?: boolean; readonly endCursor?: string | null };
}

/** @param planted the answers contain values that the attack has written */
export function noteAnswer(
  schema: GraphQLSchema,
  { path, answer }: Pick<Reading, 'path' | 'answer'>,
  loot: Loot,
  planted = false,
): void {
  const { field } = path.steps[0]!;
  const value = dataOf(answer)?.[field.name];
  note(schema, { type: field.type, at: `${path.steps[0]!.parent.name}.${field.name}`, value }, (found) =>
    loot.add(planted || isMarked(found.value) ? { ...found, planted: true } : found),
  );
}

const isMarked = (value: string) => value.search(MARK) !== -1;

interface Place {
  readonly type: GraphQLOutputType;
  readonly at: string;
  readonly value: unknown;
}

function note(schema: GraphQLSchema, { type, at, value }: Place, add: (found: LootValue) => void): void {
  const nullable = getNullableType(type);
  if (value === null || value === undefined) return;
  if (isListType(nullable)) {
    for (const each of Array.isArray(value) ? (value as unknown[]) : []) {
      note(schema, { type: nullable.ofType, at, value: each }, add);
    }
  } else if (isLeafType(nullable)) {
    if (isScalarType(nullable)) noteScalar(at, value, nullable.name, add);
  } else if (typeof value === 'object') {
    const object = value as Readonly<Record<string, unknown>>;
    const named = getNamedType(nullable);
    const possible = isObjectType(named) ? [named] : schema.getPossibleTypes(named as never);
    // A value would otherwise be taken for one of each type that has a field of that name.
    const own = possible.filter(({ name }) => name === object['__typename']);
    for (const each of own.length > 0 ? own : possible) {
      // What a subgraph of a federation says of its schema is no data.
      if (each.name === '_Service') continue;
      for (const { name, type: inner } of Object.values(each.getFields())) {
        note(schema, { type: inner, at: `${each.name}.${name}`, value: object[name] }, add);
      }
    }
  }
}

/** JSON is recorded value by value, with its property names. */
function noteScalar(at: string, value: unknown, scalar: string, add: (found: LootValue) => void): void {
  if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) noteScalar(`${at}.${name}`, inner, '', add);
  } else if (typeof value === 'string' || typeof value === 'number') {
    add(lootValue(at, unquoted(value), scalar));
  }
}

/** The text of a string that JSON holds as text of its own, as proofs do. */
function unquoted(value: string | number): string | number {
  if (typeof value === 'number' || !/^".+"$/s.test(value)) return value;
  try {
    return JSON.parse(value) as string;
  } catch {
    return value;
  }
}
