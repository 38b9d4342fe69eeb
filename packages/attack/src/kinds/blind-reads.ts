/**
 * The attacker's reads must not depend on the victim's data: everything is read before and after the victim changes its
 * data, in every order, and must have the same bytes.
 */
import { getNamedType, isEnumType } from 'graphql';
import type { Campaign } from '../campaign.js';
import { firstDifference, told } from '../compare.js';
import { buildRequest, nameOf, rootPaths } from '../operations.js';
import { pointsOf } from '../points.js';
import { fillPath, fillPoint } from '../values.js';
import type { SentRequest } from '../wire.js';

const DEPTH = 3;

/**
 * Reports each read of the attackers whose answer differs after the change.
 *
 * @param change what the victim does between the two readings
 */
export async function compareReads(campaign: Campaign, change: () => Promise<void>): Promise<void> {
  const requests = requestsOf(campaign);
  const before: string[] = [];
  for (const { at, request } of requests) {
    before.push(told(await campaign.sendLogged({ attack: 'blind read', at, request })));
  }
  await change();
  for (const [n, { at, request }] of requests.entries()) {
    campaign.count('blind read');
    const after = told(await campaign.sendLogged({ attack: 'blind read', at, request }));
    if (after === before[n]) continue;
    const evidence = firstDifference(after, before[n]!);
    campaign.report({ attack: 'blind read', breach: 'answers differ', at, request, evidence });
  }
}

/** The arguments are chosen once, so that both reads send the same requests. */
function requestsOf({ parts: { schema, own, attackers } }: Campaign): { at: string; request: SentRequest }[] {
  const filling = { own, text: () => 'nothing', optionalTexts: false };
  const plain = rootPaths(schema, 'query').flatMap((path) => {
    const given = fillPath(path, filling);
    return given ? [{ at: nameOf(path), body: buildRequest(schema, path, given, DEPTH) }] : [];
  });
  const ordered = pointsOf(schema, 'query').flatMap((point) => {
    const named = getNamedType(point.type);
    if (!isEnumType(named)) return [];
    return named.getValues().flatMap(({ name }) => {
      const given = fillPoint(point, name, filling);
      return given ? [{ at: `${point.name} ${name}`, body: buildRequest(schema, point.path, given, 2) }] : [];
    });
  });
  return [...plain, ...ordered].flatMap(({ at, body }) =>
    attackers.map((as) => ({ at, request: { as, body } })),
  );
}
