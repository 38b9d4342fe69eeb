/**
 * The victim's values in the arguments of queries over WebSocket, compared with values that do not exist. Over HTTP every
 * value is tried (values.ts); here one of each kind, because only the way to the same resolvers differs.
 */
import { framesWithoutId, isRefusedForItsRate } from '../asked.js';
import type { Campaign } from '../campaign.js';
import { firstDifference, withoutBudget, without } from '../compare.js';
import { buildRequest } from '../operations.js';
import { pointsOf, takesValue } from '../points.js';
import { Socket } from '../socket.js';
import { asInput, fillPoint, valuesFor } from '../values.js';
import type { Credential, SentRequest } from '../wire.js';

const DEPTH = 3;

/** A difference must occur in every attempt, because others may change the attacker's tenant meanwhile. */
const ATTEMPTS = 3;

/**
 * Reports where a query over WebSocket answers the victim's value otherwise. That a server answers none is noted; what it
 * no longer answers later was not attacked.
 */
export async function tryInSocketQueries(campaign: Campaign): Promise<void> {
  for (const as of campaign.parts.attackers) {
    const socket = new Socket(campaign.parts.wire.url, as);
    try {
      const { frames, failure } = await socket.ask({ query: '{ __typename }' });
      if (!frames.some((frame) => frame.includes('"__typename"'))) {
        campaign.note(`queries over WebSocket: ${failure ?? 'the server answers none'}`);
        return;
      }
      await tryAll(campaign, as, socket);
    } finally {
      await socket.close();
    }
  }
}

async function tryAll(campaign: Campaign, as: Credential, socket: Socket): Promise<void> {
  const { schema, own, victim } = campaign.parts;
  const filling = { own, text: () => 'nothing', optionalTexts: false };
  for (const point of pointsOf(schema, 'query').filter(takesValue)) {
    const requestFor = (value: string): SentRequest | undefined => {
      const given = fillPoint(point, asInput({ value }, point.type), filling);
      return given && { as, body: buildRequest(schema, point.path, given, DEPTH) };
    };
    const kinds = new Set<string>();
    for (const loot of valuesFor(point, victim, campaign.isTelling)) {
      const other = kinds.has(loot.kind) ? undefined : campaign.unlike(loot);
      const [request, control] = [
        requestFor(loot.value),
        other === undefined ? undefined : requestFor(other),
      ];
      if (!request || !control) continue;
      kinds.add(loot.kind);
      let failed: string | undefined;
      const told = async ({ body }: SentRequest, sent: string | undefined) => {
        const asked = await socket.ask(body);
        failed ??= isRefusedForItsRate(asked.frames) ? 'the server refused it for its rate' : asked.failure;
        return without(withoutBudget(framesWithoutId(asked)), sent);
      };
      const about = { attack: 'websocket query', at: point.name, request } as const;
      let difference: string | undefined;
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const expected = await told(control, other);
        const seen = await told(request, loot.value);
        campaign.inspect({ ...about, where: 'a frame' }, seen);
        if (failed !== undefined) break;
        difference = seen === expected ? undefined : firstDifference(seen, expected);
        if (difference === undefined) break;
      }
      if (failed !== undefined) {
        campaign.notAttacked.set(`${point.name} over WebSocket`, failed);
        continue;
      }
      campaign.count('websocket query');
      if (difference === undefined) continue;
      campaign.report({ ...about, breach: 'answers differ', loot, evidence: difference });
    }
  }
}
