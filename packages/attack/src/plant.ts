/**
 * Changes a tenant through its API: every mutation with a text argument is called with unique texts, and the rows it
 * creates may be deleted afterwards. Existing rows are neither deleted nor revoked; texts of the tenant itself (its
 * name, its settings) are overwritten.
 */
import {
  getNamedType,
  isInputObjectType,
  isScalarType,
  isSpecifiedScalarType,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';
import { newMark, type Loot } from './loot.js';
import { noteAnswer } from './harvest.js';
import { buildRequest, rootPaths, type Path } from './operations.js';
import { fillPath, isContent } from './values.js';
import { codesOf, dataOf, messagesOf, type Answer, type Credential, type Wire } from './wire.js';

/** Mutations that delete, recognised by name: they only get rows that nobody needs. */
export const TAKES_AWAY = /^(remove|delete|revoke|suspend|erase|cancel|close|archive|change)/i;
const DELETES = /^(remove|delete|revoke)/i;

export interface Planting {
  readonly schema: GraphQLSchema;
  readonly wire: Wire;
  readonly as: Credential;
  /** The tenant's values; new ones are added. */
  readonly own: Loot;
  /** Makes unique texts. */
  readonly text?: () => string;
}

export interface Planted {
  /** The mutations that took effect. */
  readonly effective: readonly string[];
  /** The answers to the mutations that did not take effect, by name. */
  readonly refused: ReadonlyMap<string, string>;
}

/** Runs each mutation that accepts content with new texts, and records which of them took effect. */
export async function plant({ schema, wire, as, own, text = newMark }: Planting): Promise<Planted> {
  const effective: string[] = [];
  const refused = new Map<string, string>();
  for (const path of rootPaths(schema, 'mutation')) {
    const { field } = path.steps[0]!;
    if (TAKES_AWAY.test(field.name) || !field.args.some(({ type }) => takesContent(type))) continue;
    const send = async (): Promise<Answer | undefined> => {
      const given = fillPath(path, { own, text, optionalTexts: true });
      return given && (await wire.send({ as, body: buildRequest(schema, path, given, 3) }));
    };
    const first = await send();
    if (!first) {
      refused.set(field.name, 'an argument cannot be filled');
      continue;
    }
    // Once more with values that are as short as the server has said.
    const again = own.limits.learn(field.name, messagesOf(first)) ? await send() : undefined;
    const answer = again ?? first;
    if (dataOf(answer)?.[field.name] == null) {
      refused.set(
        field.name,
        `it was answered ${codesOf(answer).join(', ') || (answer.status === 200 ? 'null' : String(answer.status))}`,
      );
      continue;
    }
    effective.push(field.name);
    noteAnswer(schema, { path, answer }, own, true);
  }
  return { effective, refused };
}

/** Deletes the planted rows, if the API can. @returns the mutations that took effect */
export async function uproot({ schema, wire, as, own }: Planting): Promise<string[]> {
  const effective: string[] = [];
  for (const path of rootPaths(schema, 'mutation').filter(isDeletion)) {
    const given = fillPath(path, { own, text: newMark, optionalTexts: false, plantedOnly: true });
    if (!given) continue;
    const answer = await wire.send({ as, body: buildRequest(schema, path, given, 0) });
    if (dataOf(answer)?.[path.steps[0]!.field.name] != null) effective.push(path.steps[0]!.field.name);
  }
  return effective;
}

const isDeletion = ({ steps }: Path): boolean => DELETES.test(steps[0]!.field.name);

function takesContent(type: GraphQLInputType, depth = 3): boolean {
  const named = getNamedType(type);
  if (isInputObjectType(named)) {
    return depth > 0 && Object.values(named.getFields()).some((field) => takesContent(field.type, depth - 1));
  }
  // An unknown scalar may be content: a mutation that only accepts such scalars is reported as refused.
  return isContent(named) || (isScalarType(named) && !isSpecifiedScalarType(named));
}
