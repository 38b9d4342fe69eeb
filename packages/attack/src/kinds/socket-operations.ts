/**
 * The victim's values in the arguments of queries and mutations over WebSocket, compared with values that do not exist. Over
 * HTTP every value is tried (values.ts); here one of each kind, because only the way to the same resolvers differs.
 */
import { framesWithoutId, isRefusedForItsRate } from '../asked.js';
import type { Campaign } from '../campaign.js';
import { firstDifference, framesOfMutation, withoutBudget, without } from '../compare.js';
import { newMark, type LootValue } from '../loot.js';
import { buildRequest } from '../operations.js';
import { TAKES_AWAY } from '../plant.js';
import { pointsOf, takesValue, type Point } from '../points.js';
import type { AttackKind } from '../report.js';
import { Socket } from '../socket.js';
import { asInput, fillPoint, valuesFor, type Filling } from '../values.js';
import type { Credential, SentRequest } from '../wire.js';
import type { VictimWatch } from './victim.js';

const DEPTH = 3;

/** A difference must occur in every attempt, because others may change the attacker's tenant meanwhile. */
const ATTEMPTS = 3;

/**
 * Reports where a query over WebSocket answers the victim's value otherwise. That a server answers none is noted; what it
 * no longer answers later was not attacked.
 */
export async function tryInSocketQueries(campaign: Campaign): Promise<void> {
  const { schema, own, victim, attackers } = campaign.parts;
  const filling = { own, text: () => 'nothing', optionalTexts: false };
  for (const as of attackers) {
    const isAnswered = await overSocket(campaign, as, 'websocket query', async (socket) => {
      for (const point of pointsOf(schema, 'query').filter(takesValue)) {
        for (const loot of oneOfEachKind(valuesFor(point, victim, campaign.isTelling))) {
          await tryOne(campaign, { attack: 'websocket query', socket, as, point, loot, filling });
        }
      }
    });
    if (!isAnswered) return;
  }
}

/** The same for mutations, as the first attacker; the victim's data must not change. */
export async function tryInSocketMutations(campaign: Campaign, watch: VictimWatch): Promise<void> {
  const { schema, own, victim, attackers } = campaign.parts;
  const as = attackers[0]!;
  await overSocket(campaign, as, 'websocket mutation', async (socket) => {
    for (const point of pointsOf(schema, 'mutation').filter(takesValue)) {
      const idsOfNothing = TAKES_AWAY.test(point.path.steps[0]!.field.name);
      const filling = { own, text: newMark, optionalTexts: true, idsOfNothing };
      let last: SentRequest | undefined;
      for (const loot of oneOfEachKind(valuesFor(point, victim, campaign.parts.isDistinctive))) {
        const attempt = { attack: 'websocket mutation', socket, as, point, loot, filling } as const;
        last = (await tryOne(campaign, attempt)) ?? last;
      }
      if (last) await watch.check(`${point.name} over WebSocket`, last);
    }
  });
}

/** @returns whether the server answers queries there at all */
async function overSocket(
  campaign: Campaign,
  as: Credential,
  attack: AttackKind,
  work: (socket: Socket) => Promise<void>,
): Promise<boolean> {
  const socket = new Socket(campaign.parts.wire.url, as);
  try {
    const { frames, failure } = await socket.ask({ query: '{ __typename }' });
    if (!frames.some((frame) => frame.includes('"__typename"'))) {
      const what = attack === 'websocket query' ? 'queries' : 'mutations';
      campaign.note(`${what} over WebSocket: ${failure ?? 'the server answers none'}`);
      return false;
    }
    await work(socket);
    return true;
  } finally {
    await socket.close();
  }
}

function oneOfEachKind(values: readonly LootValue[]): LootValue[] {
  return [...new Map([...values].reverse().map((loot) => [loot.kind, loot])).values()].reverse();
}

interface Attempt {
  readonly attack: 'websocket query' | 'websocket mutation';
  readonly socket: Socket;
  readonly as: Credential;
  readonly point: Point;
  readonly loot: LootValue;
  readonly filling: Filling;
}

/** @returns the request with the victim's value, if there is one */
async function tryOne(
  campaign: Campaign,
  { attack, socket, as, point, loot, filling }: Attempt,
): Promise<SentRequest | undefined> {
  const { schema } = campaign.parts;
  const isMutation = attack === 'websocket mutation';
  const texts: string[] = [];
  const requestFor = (value: string): SentRequest | undefined => {
    let n = 0;
    const text = () => (texts[n++] ??= filling.text());
    const given = fillPoint(point, asInput({ value }, point.type), { ...filling, text });
    return given && { as, body: buildRequest(schema, point.path, given, DEPTH) };
  };
  const unlike = campaign.unlike(loot);
  const other = unlike !== undefined && isMutation ? campaign.counterpart(loot.value, unlike) : unlike;
  const request = requestFor(loot.value);
  const control = other === undefined ? undefined : requestFor(other);
  if (!request || !control) return undefined;
  let failed: string | undefined;
  const told = async ({ body }: SentRequest, sent: string | undefined) => {
    const asked = await socket.ask(body);
    failed ??= isRefusedForItsRate(asked.frames) ? 'the server refused it for its rate' : asked.failure;
    const frames = withoutBudget(framesWithoutId(asked));
    return {
      all: without(frames, sent),
      compared: without(isMutation ? framesOfMutation(frames) : frames, sent),
    };
  };
  const about = { attack, at: point.name, request } as const;
  let difference: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const expected = await told(control, other);
    const seen = await told(request, loot.value);
    campaign.inspect({ ...about, where: 'a frame' }, seen.all);
    if (isMutation) campaign.bringIn(loot);
    if (failed !== undefined) break;
    difference =
      seen.compared === expected.compared ? undefined : firstDifference(seen.compared, expected.compared);
    if (difference === undefined) break;
  }
  if (failed !== undefined) {
    campaign.notAttacked.set(`${point.name} over WebSocket`, failed);
    return request;
  }
  campaign.count(attack);
  if (difference !== undefined)
    campaign.report({ ...about, breach: 'answers differ', loot, evidence: difference });
  return request;
}
