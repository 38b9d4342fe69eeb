/** API keys of the attacker's tenant with one permission each, for the attack on its own data. */
import { getNamedType, isEnumType, type GraphQLEnumType } from 'graphql';
import type { Campaign } from './campaign.js';
import { keyOf } from './callers.js';
import { newMark } from './loot.js';
import { buildRequest } from './operations.js';
import { pointsOf, type Point } from './points.js';
import { fillPoint } from './values.js';
import { codesOf, dataOf, type Answer, type Credential } from './wire.js';

/**
 * Uses a key for every permission of the schema, which the first attacker makes with the mutation `createApiKey` and revokes
 * afterwards, one at a time, because tenants may have few. Keys that the attack has planted are revoked before. What cannot
 * be made is noted.
 */
export async function withEachPermission(
  campaign: Campaign,
  use: (key: Credential) => Promise<void>,
): Promise<void> {
  const { schema, own } = campaign.parts;
  const points = pointsOf(schema, 'mutation');
  const at = (mutation: string, name: string): Point | undefined =>
    points.find(({ path, leaf }) => path.steps[0]!.field.name === mutation && leaf.at(-1) === name);
  const [creation, revocation] = [at('createApiKey', 'permissions'), at('revokeApiKey', 'id')];
  const permissions = permissionsOf(creation);
  if (!creation || !permissions) {
    campaign.note('each single permission: the schema has no mutation createApiKey that takes permissions');
    return;
  }
  const revoke = async (id: string) => {
    if (revocation) await send(campaign, revocation, id);
  };
  for (const { value, planted } of own.at('ApiKey.id')) if (planted) await revoke(value);
  for (const [n, { name }] of permissions.getValues().entries()) {
    const answer = await send(campaign, creation, name);
    const made = answer && (dataOf(answer)?.['createApiKey'] as Made | null | undefined);
    if (typeof made?.secret === 'string') {
      await use(keyOf(made.secret, n, `an API key with ${name} alone`));
      if (made.apiKey?.id !== undefined) await revoke(made.apiKey.id);
    } else {
      const why = answer
        ? codesOf(answer).join(', ') || String(answer.status)
        : 'an argument cannot be filled';
      campaign.note(`${name} alone: no API key with it, ${why}`);
    }
  }
}

interface Made {
  readonly secret?: string;
  readonly apiKey?: { readonly id?: string };
}

function permissionsOf(creation: Point | undefined): GraphQLEnumType | undefined {
  const type = creation && getNamedType(creation.type);
  return isEnumType(type) ? type : undefined;
}

async function send(
  { parts: { schema, wire, attackers, own } }: Campaign,
  point: Point,
  value: string,
): Promise<Answer | undefined> {
  const given = fillPoint(point, value, { own, text: newMark, optionalTexts: false });
  return given && wire.send({ as: attackers[0]!, body: buildRequest(schema, point.path, given, 1) });
}
