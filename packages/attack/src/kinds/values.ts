/** The victim's values in every argument of every query and mutation, compared with values that do not exist. */
import type { Campaign, Pair } from '../campaign.js';
import { newMark, type LootValue } from '../loot.js';
import { buildRequest } from '../operations.js';
import { TAKES_AWAY } from '../plant.js';
import { pointsOf, takesValue, type Point } from '../points.js';
import { told, toldByMutation } from '../compare.js';
import { relabelled } from '../typed-ids.js';
import { asInput, fillPoint, isKnown, isNobodys, valuesFor, type Filling } from '../values.js';
import type { Credential, SentRequest } from '../wire.js';
import type { VictimWatch } from './victim.js';

/** A user without permission for a field is refused before values are read, so a few values are enough. */
const WHEN_REFUSED = 3;
const REFUSAL = '"code":"FORBIDDEN"';

/** The codes of a server that refuses a value of the wrong form. */
const NOT_ITS_FORM = /"code":"(BAD_USER_INPUT|GRAPHQL_VALIDATION_FAILED|BAD_REQUEST)"/;

/** Enough to see rows, their number and their content. */
const DEPTH = 3;

/** Reports where a query answers one of the victim's values in another way than a value that nobody has. */
export async function tryInQueries(campaign: Campaign): Promise<void> {
  for (const point of pointsOf(campaign.parts.schema, 'query').filter(takesValue)) {
    const filling = { own: campaign.parts.own, text: () => 'nothing', optionalTexts: false };
    const { victim, attackers } = campaign.parts;
    const values = valuesFor(point, victim, campaign.isTelling);
    if (/^(ID|_Any)$/.test(point.type.name)) values.push(...relabelled(victim, campaign.isTelling));
    if (values.length === 0) leaveOut(campaign, point);
    for (const as of attackers) {
      const control = await tryAt(campaign, { point, as, filling, values });
      if (as === attackers[0] && control) await tryOwn(campaign, { point, as, filling, values, control });
    }
  }
}

/** Mutations that would damage the attacker's tenant get ids of nothing in their other arguments. */
export async function tryInMutations(campaign: Campaign, watch: VictimWatch): Promise<void> {
  const { schema, own, victim, attackers } = campaign.parts;
  const tries: Try[] = [];
  for (const point of pointsOf(schema, 'mutation').filter(takesValue)) {
    const idsOfNothing = TAKES_AWAY.test(point.path.steps[0]!.field.name);
    const filling = { own, text: newMark, optionalTexts: true, idsOfNothing };
    const values = valuesFor(point, victim, campaign.parts.isDistinctive);
    if (values.length === 0) leaveOut(campaign, point);
    for (const as of attackers) {
      const control = await tryAt(campaign, { point, as, filling, values }, watch);
      if (as === attackers[0] && control) tries.push({ point, as, filling, values, control });
    }
  }
  // Last, because they may delete the attacker's own data.
  for (const each of tries) await tryOwn(campaign, each);
}

function leaveOut({ notAttacked }: Campaign, point: Point): void {
  if (isNobodys(point)) return;
  const why = `the victim has no value of type ${point.type.name} that tells whose it is`;
  notAttacked.set(point.name, why);
}

interface Attempt {
  readonly point: Point;
  readonly as: Credential;
  readonly filling: Filling;
  readonly values: readonly LootValue[];
}

/** An attempt, and the answer to a value that does not exist. */
interface Try extends Attempt {
  readonly control: string;
}

/** @returns the answer to a value that does not exist; undefined when nothing could be compared */
async function tryAt(
  campaign: Campaign,
  { point, as, filling, values }: Attempt,
  watch?: VictimWatch,
): Promise<string | undefined> {
  const isQuery = point.path.operation === 'query';
  let control: string | undefined;
  let last: SentRequest | undefined;
  const answers: string[] = [];
  for (const [n, loot] of values.entries()) {
    if (n >= WHEN_REFUSED && control?.includes(REFUSAL)) break;
    const requestFor = requestAt(campaign, point, as, filling);
    const request = requestFor(loot.value);
    if (!request) continue;
    const other = campaign.unlike(loot);
    if (other === undefined) {
      await searchOnly(campaign, point, loot, request);
    } else {
      const attack = isQuery ? loot.kind : 'mutation';
      const pair: Pair = {
        attack,
        at: point.name,
        loot,
        // In mutations the other value is always the same, so that both values have the same history: a value that must
        // be unique in the attacker’s own tenant is refused the second time.
        other: (attempt) =>
          isQuery && attempt > 1
            ? (campaign.unlike(loot, attempt) ?? other)
            : isQuery
              ? other
              : campaign.counterpart(loot.value, other),
        request: (value) => requestFor(value)!,
      };
      const expected = await campaign.compare(pair);
      control ??= expected;
      answers.push(expected);
    }
    last = request;
    if (watch?.isCheap) await watch.check(point.name, request);
  }
  if (!isKnown(point.type) && answers.every((answer) => NOT_ITS_FORM.test(answer))) {
    const why = `no value of the form that ${point.type.name} has is known`;
    campaign.notAttacked.set(point.name, why);
  }
  if (last && watch && !watch.isCheap) await watch.check(point.name, last);
  return control;
}

/** The other texts are the same for both, and the request is made once per value. */
function requestAt({ parts: { schema } }: Campaign, point: Point, as: Credential, filling: Filling) {
  const texts: string[] = [];
  return (value: string): SentRequest | undefined => {
    let n = 0;
    const text = () => (texts[n++] ??= filling.text());
    const given = fillPoint(point, asInput({ value }, point.type), { ...filling, text });
    return given && { as, body: buildRequest(schema, point.path, given, DEPTH) };
  };
}

async function searchOnly(
  campaign: Campaign,
  point: Point,
  loot: LootValue,
  request: SentRequest,
): Promise<void> {
  campaign.count(loot.kind);
  await campaign.send(loot.kind, point.name, request, loot.value);
}

/**
 * Whether the attack can reach data there: at least one of the attacker's own values must have another answer than a
 * value that does not exist. Mutations that delete only get values that were made for the attack.
 */
async function tryOwn(campaign: Campaign, { point, as, filling, control, values }: Try): Promise<void> {
  const { own } = campaign.parts;
  const isQuery = point.path.operation === 'query';
  // A mutation that took effect proves that the attack reaches data.
  if (isNobodys(point) || (!isQuery && !control.includes('"errors":'))) return;
  const plantedOnly = !isQuery && TAKES_AWAY.test(point.path.steps[0]!.field.name);
  const candidates = valuesFor(point, own).filter(({ planted }) => planted === true || !plantedOnly);
  const likely = [...candidates].sort((a, b) => Number(isOf(values, b)) - Number(isOf(values, a)));
  for (const loot of likely) {
    const request = requestAt(campaign, point, as, filling)(loot.value);
    if (!request) return;
    const answer = await campaign.send(isQuery ? loot.kind : 'mutation', point.name, request, loot.value);
    if ((isQuery ? told : toldByMutation)(answer, loot.value) !== control) return;
  }
  campaign.withoutEffect.push(point.name);
}

const isOf = (values: readonly LootValue[], { at }: LootValue) => values.some((value) => value.at === at);
