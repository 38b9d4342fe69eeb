/** API keys of the attacker's tenant with one permission each, for the attack on its own data. */
import { getNamedType, isEnumType } from 'graphql';
import type { Campaign } from './campaign.js';
import { keyOf } from './callers.js';
import { newMark } from './loot.js';
import { buildRequest } from './operations.js';
import { pointsOf } from './points.js';
import { fillPoint } from './values.js';
import { codesOf, dataOf, type Credential } from './wire.js';

/**
 * A key for every permission of the schema, made by the first attacker with the mutation `createApiKey`. What cannot be made
 * is noted.
 */
export async function keysOfOnePermission(campaign: Campaign): Promise<Credential[]> {
  const { schema, wire, attackers, own } = campaign.parts;
  const point = pointsOf(schema, 'mutation').find(
    ({ path, leaf, type }) =>
      path.steps[0]!.field.name === 'createApiKey' && leaf.at(-1) === 'permissions' && isEnumType(type),
  );
  if (!point) {
    campaign.note('each single permission: the schema has no mutation createApiKey that takes permissions');
    return [];
  }
  const type = getNamedType(point.type);
  const keys: Credential[] = [];
  for (const { name } of isEnumType(type) ? type.getValues() : []) {
    const given = fillPoint(point, name, { own, text: newMark, optionalTexts: false });
    if (!given) continue;
    const answer = await wire.send({ as: attackers[0]!, body: buildRequest(schema, point.path, given, 1) });
    const made = dataOf(answer)?.[point.path.steps[0]!.field.name] as
      { readonly key?: unknown } | null | undefined;
    if (typeof made?.key === 'string')
      keys.push(keyOf(made.key, keys.length, `an API key with ${name} alone`));
    else
      campaign.note(
        `${name} alone: no API key with it, ${codesOf(answer).join(', ') || String(answer.status)}`,
      );
  }
  return keys;
}
