/**
 * The attacker's reads must not depend on the victim's data: everything is read before and after the victim changes its
 * data, in every order, and must have the same bytes. What changes by itself, such as the use of today, is noted.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { getNamedType, isEnumType } from 'graphql';
import type { Campaign } from '../campaign.js';
import { firstDifference, told } from '../compare.js';
import { buildRequest, nameOf, rootPaths } from '../operations.js';
import { pointsOf } from '../points.js';
import { fillPath, fillPoint } from '../values.js';
import type { SentRequest } from '../wire.js';

const DEPTH = 3;

/** A difference must occur so often, because the attacker's tenant changes by itself as well. */
const ROUNDS = 3;

/** Longer than a change and the reading after it, and than servers gather what they write of the use of a tenant. */
const QUIET_MS = 20_000;

interface Read {
  readonly at: string;
  readonly request: SentRequest;
}

/**
 * Reports each read of the attackers whose answer differs after each of three changes, and is the same while the victim
 * does nothing for longer than a change takes. A read that differs otherwise is noted.
 *
 * @param change what the victim does
 * @param quietMs how long the victim does nothing
 */
export async function compareReads(
  campaign: Campaign,
  change: () => Promise<void>,
  quietMs = QUIET_MS,
): Promise<void> {
  const read = async (reads: readonly Read[]): Promise<ReadonlyMap<Read, string>> => {
    const answers = new Map<Read, string>();
    for (const each of reads) {
      answers.set(each, told(await campaign.sendLogged({ attack: 'blind read', ...each })));
    }
    return answers;
  };
  const all = readsOf(campaign);
  all.forEach(() => campaign.count('blind read'));
  let suspicious: readonly Read[] = all;
  const evidence = new Map<Read, string>();
  const moving = new Set<string>();
  for (let round = 0; round < ROUNDS && suspicious.length > 0; round++) {
    if (round > 0) {
      const still = await unchanged(read, suspicious, quietMs);
      for (const each of suspicious) if (!still.includes(each)) moving.add(each.at);
      suspicious = still;
    }
    const before = await read(suspicious);
    await change();
    const after = await read(suspicious);
    const differing = suspicious.filter((each) => before.get(each) !== after.get(each));
    for (const each of differing) evidence.set(each, firstDifference(after.get(each)!, before.get(each)!));
    if (round > 0) for (const each of suspicious) if (!differing.includes(each)) moving.add(each.at);
    suspicious = differing;
  }
  for (const each of suspicious) {
    const { at, request } = each;
    const about = { attack: 'blind read', breach: 'answers differ', at, request } as const;
    campaign.report({ ...about, evidence: evidence.get(each)! });
  }
  if (moving.size > 0) {
    const places = [...moving].sort().join(', ');
    campaign.note(`whether these depend on the victim, because they change by themselves as well: ${places}`);
  }
}

/** The reads that keep still while the victim does nothing. */
async function unchanged(
  read: (reads: readonly Read[]) => Promise<ReadonlyMap<Read, string>>,
  reads: readonly Read[],
  quietMs: number,
): Promise<readonly Read[]> {
  const before = await read(reads);
  await wait(quietMs);
  const after = await read(reads);
  return reads.filter((each) => before.get(each) === after.get(each));
}

/** The arguments are chosen once, so that both reads send the same requests. */
function readsOf({ parts: { schema, own, attackers } }: Campaign): Read[] {
  const filling = { own, text: () => 'nothing', optionalTexts: false };
  const plain = rootPaths(schema, 'query').flatMap((path) => {
    const given = fillPath(path, filling);
    return given ? [{ at: nameOf(path), body: buildRequest(schema, path, given, DEPTH) }] : [];
  });
  const ordered = pointsOf(schema, 'query').flatMap((point) => {
    const { path } = point;
    const named = getNamedType(point.type);
    if (!isEnumType(named)) return [];
    return named.getValues().flatMap(({ name }) => {
      const given = fillPoint(point, name, filling);
      return given ? [{ at: `${point.name} ${name}`, body: buildRequest(schema, path, given, 2) }] : [];
    });
  });
  return [...plain, ...ordered].flatMap(({ at, body }) =>
    attackers.map((as) => ({ at, request: { as, body } })),
  );
}
