/**
 * Two values at once: a server may look at one argument only when another one has a certain value. Both are the victim's,
 * or one is the attacker's own; they are compared with values that do not exist in the victim's places.
 */
import type { Campaign } from '../campaign.js';
import { newMark, type LootValue } from '../loot.js';
import { buildRequest, type OperationKind } from '../operations.js';
import { TAKES_AWAY } from '../plant.js';
import { pointsOf, takesValue, type Point } from '../points.js';
import { asInput, fillPair, isNobodys, likest, valuesFor, type Filling } from '../values.js';
import type { SentRequest } from '../wire.js';
import type { VictimWatch } from './victim.js';

const DEPTH = 3;

/** Reports where a query answers a pair with values of the victim in another way than one that nobody has. */
export async function tryPairsInQueries(campaign: Campaign): Promise<void> {
  const { own } = campaign.parts;
  const filling = { own, text: () => 'nothing', optionalTexts: false };
  for (const pair of pairsOf(campaign, 'query')) {
    const [one, other] = chosen(campaign, pair);
    const ownValues = pair.map((point) => likest(valuesFor(point, own), point)) as [LootValue?, LootValue?];
    if (one && other) await tryPair(campaign, pair, [one, other], filling);
    if (one && ownValues[1]) await tryPair(campaign, pair, [one, ownValues[1].value], filling);
    if (other && ownValues[0]) await tryPair(campaign, pair, [ownValues[0].value, other], filling);
  }
}

/** The same for mutations, with two values of the victim; its data must not change. */
export async function tryPairsInMutations(campaign: Campaign, watch: VictimWatch): Promise<void> {
  const { own } = campaign.parts;
  for (const pair of pairsOf(campaign, 'mutation')) {
    const [one, other] = chosen(campaign, pair);
    if (!one || !other) continue;
    const idsOfNothing = TAKES_AWAY.test(pair[0].path.steps[0]!.field.name);
    const filling = { own, text: newMark, optionalTexts: true, idsOfNothing };
    const last = await tryPair(campaign, pair, [one, other], filling);
    if (last) await watch.check(nameOfPair(pair), last);
  }
}

type PointPair = readonly [Point, Point];

const nameOfPair = ([{ name }, { argument, leaf }]: PointPair): string =>
  `${name.slice(0, -1)}, ${[argument.name, ...leaf].join('.')}:)`;

/** Every two points of a field, on the shortest path to it. */
function pairsOf({ parts: { schema } }: Campaign, operation: OperationKind): PointPair[] {
  const byField = new Map<string, Point[]>();
  for (const point of pointsOf(schema, operation).filter((each) => takesValue(each) && !isNobodys(each))) {
    const { parent, field } = point.path.steps.at(-1)!;
    const key = `${parent.name}.${field.name}`;
    const known = byField.get(key) ?? [];
    if (known.length === 0 || known[0]!.path === point.path) byField.set(key, [...known, point]);
  }
  return [...byField.values()].flatMap((points) =>
    points.flatMap((one, n) => points.slice(n + 1).map((other): PointPair => [one, other])),
  );
}

/** A value of the victim for each, where it has one. */
const chosen = (
  { parts: { victim, isDistinctive }, isTelling }: Campaign,
  pair: PointPair,
): (LootValue | undefined)[] => {
  // Mutations have brought values in before, which does not make them the attacker's to change.
  const isUseful = pair[0].path.operation === 'query' ? isTelling : isDistinctive;
  return pair.map((point) => likest(valuesFor(point, victim, isUseful), point));
};

/** @param values the victim's, or as text the attacker's own. @returns the request with them, if there is one */
async function tryPair(
  campaign: Campaign,
  pair: PointPair,
  values: readonly [LootValue | string, LootValue | string],
  filling: Filling,
): Promise<SentRequest | undefined> {
  const { schema, attackers } = campaign.parts;
  const as = attackers[0]!;
  const isMutation = pair[0].path.operation === 'mutation';
  const texts: string[] = [];
  const requestFor = (given: readonly [string, string]): SentRequest | undefined => {
    let n = 0;
    const text = () => (texts[n++] ??= filling.text());
    const inputs = [asInput({ value: given[0] }, pair[0].type), asInput({ value: given[1] }, pair[1].type)];
    const filled = fillPair(pair, inputs, { ...filling, text });
    return filled && { as, body: buildRequest(schema, pair[0].path, filled, DEPTH) };
  };
  const victims = values.map((value) => (typeof value === 'string' ? value : value.value)) as [
    string,
    string,
  ];
  const others = values.map((value) => {
    if (typeof value === 'string') return value;
    const other = campaign.unlike(value);
    return other !== undefined && isMutation ? campaign.counterpart(value.value, other) : other;
  }) as [string?, string?];
  const [one, other] = others;
  const request = requestFor(victims);
  if (!request || one === undefined || other === undefined) return undefined;
  const loot = values.find((value) => typeof value !== 'string')!;
  const isFirst = loot === values[0];
  await campaign.compare({
    attack: isMutation ? 'pair in a mutation' : 'pair',
    at: nameOfPair(pair),
    loot,
    other: () => (isFirst ? one : other),
    beside: isFirst ? { tried: victims[1], control: other } : { tried: victims[0], control: one },
    request: (value) => (value === loot.value ? request : requestFor([one, other])!),
  });
  if (isMutation) for (const value of values) if (typeof value !== 'string') campaign.bringIn(value);
  return request;
}
