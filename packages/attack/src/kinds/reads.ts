/** Normal reads of the attacker: every field, in every order. They must contain nothing of the victim. */
import { getNamedType, isEnumType, isLeafType } from 'graphql';
import type { Campaign } from '../campaign.js';
import { readDeep } from '../harvest.js';
import { buildRequest, nameOf, rootPaths } from '../operations.js';
import { pointsOf, type Point } from '../points.js';
import { fillPath, fillPoint, type Filling } from '../values.js';
import { told } from '../compare.js';

const fillingOf = ({ parts: { own } }: Campaign): Filling => ({
  own,
  text: () => 'nothing',
  optionalTexts: false,
});

/** Every root field, as deep as possible, as each user. */
export async function readEverything(campaign: Campaign): Promise<void> {
  const { schema, wire, attackers } = campaign.parts;
  for (const as of attackers) {
    for (const path of rootPaths(schema, 'query')) {
      const given = fillPath(path, fillingOf(campaign));
      if (!given) continue;
      campaign.count('read');
      const { request, answer } = await readDeep({ schema, wire, as }, path, given);
      const about = {
        attack: 'read',
        at: nameOf(path),
        request: { as, body: request },
        where: 'the answer',
      } as const;
      campaign.inspect(about, told(answer));
    }
  }
}

/** Every value of every enum and flag: each order of each list, each status of a filter. */
export async function tryChoices(campaign: Campaign): Promise<void> {
  const { schema, attackers } = campaign.parts;
  for (const point of pointsOf(schema, 'query')) {
    for (const value of choicesOf(point)) {
      const given = fillPoint(point, value, fillingOf(campaign));
      if (!given) continue;
      for (const as of attackers) {
        campaign.count('choice');
        const body = buildRequest(schema, point.path, given, 3);
        await campaign.send('choice', `${point.name} ${String(value)}`, { as, body });
      }
    }
  }
}

function choicesOf({ type }: Point): readonly unknown[] {
  const named = getNamedType(type);
  if (isEnumType(named)) return named.getValues().map(({ name }) => name);
  return isLeafType(named) && named.name === 'Boolean' ? [true, false] : [];
}
