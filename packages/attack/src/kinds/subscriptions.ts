/**
 * The attacker subscribes to everything, with the victim's values in the arguments, while the victim changes its data.
 * It must receive no events, and the same answers as for values that do not exist. The same subscriptions of the
 * victim's own user show that they work. All of it over WebSocket, and again as event streams where the server offers
 * these.
 */
import { framesWithoutId, type Asked, type Connection } from '../asked.js';
import type { Campaign } from '../campaign.js';
import { firstDifference, without } from '../compare.js';
import { Loot, type LootValue } from '../loot.js';
import { buildRequest, nameOf, rootPaths, type Path } from '../operations.js';
import { plant, uproot } from '../plant.js';
import { pointsOf, takesValue } from '../points.js';
import { isEvent, MOST_SUBSCRIPTIONS, Socket, until } from '../socket.js';
import { MOST_STREAMS, Streams } from '../stream.js';
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
  readonly asked: Asked;
  readonly connection: Connection;
  readonly sent: string | undefined;
  readonly loot: LootValue | undefined;
  /** The attempt with a value that does not exist, for the comparison. */
  readonly control?: Attempt;
}

const DEPTH = 3;

/** A frame may come late from a busy server, so a difference must last this long. */
const LATE_MS = 10_000;

/** How subscriptions reach the server. */
interface Way {
  readonly attack: 'subscription' | 'stream';
  readonly name: string;
  /** The most subscriptions of one connection. */
  readonly perConnection: number;
  /** The most values that are tried at one point. */
  readonly perPoint: number;
  /** The most connections of one user. */
  readonly connections: number;
  readonly open: (url: URL, as: Credential) => Connection;
}

const OVER_WEBSOCKET: Way = {
  attack: 'subscription',
  name: 'over WebSocket',
  perConnection: MOST_SUBSCRIPTIONS,
  perPoint: Infinity,
  connections: Infinity,
  open: (url, as) => new Socket(url, as),
};

/** Only the way to the same subscriptions differs, so a few values are enough. */
const AS_STREAMS: Way = {
  attack: 'stream',
  name: 'as an event stream',
  perConnection: MOST_STREAMS,
  perPoint: 2,
  connections: 1,
  open: (url, as) => new Streams(url, as),
};

/**
 * Reports what attackers are told of the victim by any subscription of the schema; a schema without any is passed
 * over.
 */
export async function trySubscriptions(campaign: Campaign, options: SubscriptionOptions): Promise<void> {
  const { schema, attackers } = campaign.parts;
  if (rootPaths(schema, 'subscription').length === 0) return;
  if (!options.write) campaign.note('events of subscriptions: nobody changes anything without --write');
  const { url } = campaign.parts.wire;
  for (const as of attackers) {
    await tryBy(OVER_WEBSOCKET, campaign, as, options);
    if (await offersStreams(campaign, url, as)) await tryBy(AS_STREAMS, campaign, as, options);
  }
}

async function offersStreams(campaign: Campaign, url: URL, as: Credential): Promise<boolean> {
  try {
    return await Streams.areOffered(url, as);
  } catch (error) {
    campaign.notAttacked.set('event streams', `the server does not say whether it has any: ${String(error)}`);
    return false;
  }
}

async function tryBy(
  way: Way,
  campaign: Campaign,
  as: Credential,
  options: SubscriptionOptions,
): Promise<void> {
  const { attack } = way;
  const connections: Connection[] = [];
  const watcher = new Socket(campaign.parts.wire.url, campaign.parts.victims[0]!);
  try {
    const attempts = subscribeToAll(way, campaign, as, connections);
    const watched = options.write ? watchAsVictim(campaign, watcher) : new Map<string, readonly string[]>();
    await Promise.all(connections.map((each) => each.settle()));
    if (options.write) await stirVictim(campaign, watcher, watched, options.quietMs);
    // Again: what is in force must have been so until now.
    await Promise.all(connections.map((each) => each.settle()));
    for (const attempt of attempts) await judge(campaign, way, attempt);
    for (const [n, { frames }] of connections.entries()) {
      const request = attempts[n * way.perConnection]!.request;
      const text = attempts.reduce((rest, { sent }) => without(rest, sent), frames.join('\n'));
      campaign.inspect({ attack, at: 'the connection', request, where: 'a frame' }, text);
    }
  } finally {
    await Promise.all([watcher, ...connections].map((each) => each.close()));
  }
}

/** Every subscription without values, with each of the victim's values, and with values that do not exist. */
function subscribeToAll(
  { open, perConnection, perPoint, connections: most }: Way,
  campaign: Campaign,
  as: Credential,
  connections: Connection[],
): Attempt[] {
  const { schema, own, victim, wire } = campaign.parts;
  const attempts: Attempt[] = [];
  const filling = { own, text: () => 'nothing', optionalTexts: false };
  const subscribe = (attempt: Omit<Attempt, 'asked' | 'connection'>): Attempt => {
    if (attempts.length % perConnection === 0) connections.push(open(wire.url, as));
    const connection = connections.at(-1)!;
    const made = { ...attempt, connection, asked: connection.subscribe(attempt.request.body) };
    attempts.push(made);
    return made;
  };
  for (const path of rootPaths(schema, 'subscription')) {
    const given = fillPath(path, { ...filling, idsOfNothing: true });
    if (!given) continue;
    const request = { as, body: buildRequest(schema, path, given, DEPTH) };
    subscribe({ at: nameOf(path), request, sent: undefined, loot: undefined });
  }
  for (const point of pointsOf(schema, 'subscription').filter(takesValue)) {
    for (const loot of valuesFor(point, victim, campaign.isTelling).slice(0, perPoint)) {
      const requestFor = (value: string): SentRequest | undefined => {
        const given = fillPoint(point, asInput({ value }, point.type), filling);
        return given && { as, body: buildRequest(schema, point.path, given, DEPTH) };
      };
      const other = campaign.unlike(loot);
      const request = requestFor(loot.value);
      const controlRequest = other === undefined ? undefined : requestFor(other);
      if (!request) continue;
      // An attempt and its control.
      if (attempts.length + 2 > most * perConnection) return attempts;
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
    if (given) watched.set(nameOf(path), watcher.subscribe(buildRequest(schema, path, given, 0)).frames);
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
  const { schema, wire, victims, victim } = campaign.parts;
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
  for (const loot of [...victim, ...made]) if (loot.planted) campaign.lookFor(loot);
  await until(() => false, quietMs);
  for (const [name, frames] of watched) {
    if (!frames.some(isEvent)) campaign.note(`${name}: the victim’s own user was told of no change either`);
  }
}

async function judge(campaign: Campaign, { attack, name }: Way, attempt: Attempt): Promise<void> {
  const { at, request, asked, sent, loot, control } = attempt;
  const { frames } = asked;
  const about = { attack, at, request } as const;
  const event = frames.find(isEvent);
  if (event !== undefined) {
    const evidence = event.slice(0, 300);
    campaign.report({ ...about, breach: 'told of a change', evidence, ...(loot && { loot }) });
  }
  campaign.inspect({ ...about, where: 'a frame' }, without(frames.join('\n'), sent));
  const failure = failureOf(attempt) ?? (control && failureOf(control));
  if (failure !== undefined) {
    campaign.notAttacked.set(`${at} ${name}`, failure);
    return;
  }
  // Not the controls, whose value nobody has.
  if (loot !== undefined || sent === undefined) campaign.count(attack);
  if (!control) return;
  const expected = () => told(control);
  const seen = () => told(attempt);
  if (await until(() => expected() === seen(), LATE_MS)) return;
  const evidence = firstDifference(seen(), expected());
  campaign.report({ ...about, breach: 'answers differ', evidence, ...(loot && { loot }) });
}

const failureOf = ({ connection, asked }: Attempt): string | undefined => connection.failureOf(asked);

/** The frames without what differs in any case. */
const told = ({ asked, sent }: Attempt): string => without(framesWithoutId(asked), sent);
