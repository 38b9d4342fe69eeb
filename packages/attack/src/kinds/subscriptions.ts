/**
 * The attacker subscribes to everything, with the victim's values in the arguments, while the victim changes its data.
 * It must receive no events, and the same answers as for values that do not exist. The same subscriptions of the
 * victim's own user show that they work.
 */
import type { Campaign } from '../campaign.js';
import { firstDifference, without } from '../compare.js';
import { Loot, type LootValue } from '../loot.js';
import { buildRequest, nameOf, rootPaths, type Path } from '../operations.js';
import { plant, uproot } from '../plant.js';
import { pointsOf, takesValue } from '../points.js';
import { isEvent, MOST_SUBSCRIPTIONS, Socket, until } from '../socket.js';
import { asInput, fillPath, fillPoint, valuesFor } from '../values.js';
import type { Credential, SentRequest } from '../wire.js';

export interface SubscriptionOptions {
  /** Whether the victim may change data. */
  readonly write: boolean;
  /** How long to wait for events that must not arrive. */
  readonly quietMs: number;
}

interface Attempt {
  readonly at: string;
  readonly request: SentRequest;
  readonly frames: readonly string[];
  readonly sent: string | undefined;
  readonly loot: LootValue | undefined;
  /** The attempt with a value that does not exist, for the comparison. */
  readonly control?: Attempt;
}

const DEPTH = 3;

/**
 * Reports what attackers are told of the victim by any subscription of the schema; a schema without any is passed
 * over.
 */
export async function trySubscriptions(campaign: Campaign, options: SubscriptionOptions): Promise<void> {
  const { schema, attackers } = campaign.parts;
  if (rootPaths(schema, 'subscription').length === 0) return;
  if (!options.write) campaign.note('events of subscriptions: nobody changes anything without --write');
  for (const as of attackers) {
    const sockets: Socket[] = [];
    const watcher = new Socket(campaign.parts.wire.url, campaign.parts.victims[0]!);
    try {
      const attempts = subscribeToAll(campaign, as, sockets);
      const watched = options.write ? watchAsVictim(campaign, watcher) : new Map<string, readonly string[]>();
      await Promise.all(sockets.map((socket) => socket.settle()));
      if (options.write) await stirVictim(campaign, watcher, watched, options.quietMs);
      for (const attempt of attempts) judge(campaign, attempt);
      for (const [n, socket] of sockets.entries()) {
        const request = attempts[n * MOST_SUBSCRIPTIONS]!.request;
        const text = attempts.reduce((rest, { sent }) => without(rest, sent), socket.frames.join('\n'));
        campaign.inspect({ attack: 'subscription', at: 'the connection', request, where: 'a frame' }, text);
      }
    } finally {
      await Promise.all([watcher, ...sockets].map((socket) => socket.close()));
    }
  }
}

/** Every subscription without values, with each of the victim's values, and with values that do not exist. */
function subscribeToAll(campaign: Campaign, as: Credential, sockets: Socket[]): Attempt[] {
  const { schema, own, victim, wire } = campaign.parts;
  const attempts: Attempt[] = [];
  const filling = { own, text: () => 'nothing', optionalTexts: false };
  const subscribe = (attempt: Omit<Attempt, 'frames'>): Attempt => {
    if (attempts.length % MOST_SUBSCRIPTIONS === 0) sockets.push(new Socket(wire.url, as));
    const made = { ...attempt, frames: sockets.at(-1)!.subscribe(attempt.request.body) };
    attempts.push(made);
    return made;
  };
  for (const path of rootPaths(schema, 'subscription')) {
    const given = fillPath(path, { ...filling, idsOfNothing: true });
    if (!given) continue;
    campaign.count('subscription');
    const request = { as, body: buildRequest(schema, path, given, DEPTH) };
    subscribe({ at: nameOf(path), request, sent: undefined, loot: undefined });
  }
  for (const point of pointsOf(schema, 'subscription').filter(takesValue)) {
    for (const loot of valuesFor(point, victim, campaign.isTelling)) {
      const requestFor = (value: string): SentRequest | undefined => {
        const given = fillPoint(point, asInput({ value }, point.type), filling);
        return given && { as, body: buildRequest(schema, point.path, given, DEPTH) };
      };
      const other = campaign.unlike(loot);
      const request = requestFor(loot.value);
      const controlRequest = other === undefined ? undefined : requestFor(other);
      if (!request) continue;
      campaign.count('subscription');
      const at = point.name;
      const control =
        controlRequest && subscribe({ at, request: controlRequest, sent: other, loot: undefined });
      subscribe({ at, request, sent: loot.value, loot, ...(control && { control }) });
    }
  }
  return attempts;
}

/**
 * The same subscriptions as the victim's user: when it has received an event, the attacker would have received it too.
 */
function watchAsVictim(campaign: Campaign, watcher: Socket): Map<string, readonly string[]> {
  const { schema, victim } = campaign.parts;
  const watched = new Map<string, readonly string[]>();
  const subscribe = (path: Path, given: ReturnType<typeof fillPath>) => {
    if (given) watched.set(nameOf(path), watcher.subscribe(buildRequest(schema, path, given, 0)));
  };
  for (const path of rootPaths(schema, 'subscription')) {
    subscribe(path, fillPath(path, { own: victim, text: () => 'nothing', optionalTexts: false }));
  }
  return watched;
}

async function stirVictim(
  campaign: Campaign,
  watcher: Socket,
  watched: ReadonlyMap<string, readonly string[]>,
  quietMs: number,
): Promise<void> {
  const { schema, wire, victims, victim, search } = campaign.parts;
  await watcher.settle();
  const made = new Loot();
  for (const loot of victim) if (!loot.planted) made.add(loot);
  const watching = [...watched.values()];
  // Waits until the subscriptions are active: earlier changes cause no events.
  for (let round = 0; round < 3; round++) {
    const planting = { schema, wire, as: victims[0]!, own: victim };
    await plant(planting);
    if (await until(() => watching.every((frames) => frames.some(isEvent)), quietMs)) break;
  }
  await plant({ schema, wire, as: victims[0]!, own: made });
  await uproot({ schema, wire, as: victims[0]!, own: made });
  for (const loot of [...victim, ...made])
    if (loot.planted && campaign.parts.isDistinctive(loot)) search.add(loot);
  await until(() => false, quietMs);
  for (const [name, frames] of watched) {
    if (!frames.some(isEvent)) campaign.note(`${name}: the victim’s own user was told of no change either`);
  }
}

function judge(campaign: Campaign, { at, request, frames, sent, loot, control }: Attempt): void {
  const about = { attack: 'subscription', at, request } as const;
  const event = frames.find(isEvent);
  if (event !== undefined) {
    const evidence = event.slice(0, 300);
    campaign.report({ ...about, breach: 'told of a change', evidence, ...(loot && { loot }) });
  }
  campaign.inspect({ ...about, where: 'a frame' }, without(frames.join('\n'), sent));
  if (!control) return;
  const [expected, seen] = [control, { frames, sent }].map((each) =>
    without(each.frames.join('\n').replaceAll(/"id":"\d+"/g, '"id":"‹n›"'), each.sent),
  ) as [string, string];
  if (expected !== seen) {
    const evidence = firstDifference(seen, expected);
    campaign.report({ ...about, breach: 'answers differ', evidence, ...(loot && { loot }) });
  }
}
