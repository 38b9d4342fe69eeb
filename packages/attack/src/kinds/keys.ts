/**
 * Data that the server stores under names chosen by clients: results under an Idempotency-Key, documents under their
 * hash. The attacker must not get the victim's data by the same name.
 */
import { createHash } from 'node:crypto';
import type { Campaign } from '../campaign.js';
import { newMark, type LootValue } from '../loot.js';
import { buildRequest, nameOf, rootPaths, type Arguments, type Path } from '../operations.js';
import { TAKES_AWAY } from '../plant.js';
import { fillPath } from '../values.js';
import { codesOf, dataOf, type GraphqlRequest } from '../wire.js';

/** The victim sends a mutation with a key; the attacker sends the same mutation with the same key and with another. */
export async function tryIdempotencyKeys(campaign: Campaign): Promise<void> {
  const { schema, attackers, own, victim } = campaign.parts;
  // Without a mark, because the attacker sends it too. A name that must be unique would be refused in the next run.
  const ofThisRun = newMark().slice('canary'.length);
  for (const path of rootPaths(schema, 'mutation')) {
    if (TAKES_AWAY.test(path.steps[0]!.field.name)) continue;
    // Each mutation writes a different text: the same text in two places would count as one value.
    const text = () => `the same of both ${nameOf(path)} ${ofThisRun}`;
    const given = fillPath(path, { own: victim, text, optionalTexts: true });
    if (!given) continue;
    const body = buildRequest(schema, path, given, 3);
    for (const as of attackers) {
      const loot = await usedByVictim(campaign, path, body);
      if (!loot) break;
      // The same request to the letter, so afterwards the attacker’s tenant also has the victim’s numbers and days.
      campaign.bringIn({ ...loot, value: JSON.stringify(body.variables) });
      await campaign.compare({
        attack: 'idempotency key',
        at: nameOf(path),
        loot,
        renew: async () => (await usedByVictim(campaign, path, body)) ?? loot,
        other: newMark,
        request: (value) => ({ as, body, headers: { 'idempotency-key': value } }),
      });
    }
    await tryOwnKey(campaign, path, fillPath(path, { own, text, optionalTexts: true }));
  }
}

/** @returns a key with which the victim's mutation took effect; undefined when it accepts no key */
async function usedByVictim(
  campaign: Campaign,
  path: Path,
  body: GraphqlRequest,
): Promise<LootValue | undefined> {
  const { wire, victims } = campaign.parts;
  const key = newMark();
  const answer = await wire.send({ as: victims[0]!, body, headers: { 'idempotency-key': key } });
  if (dataOf(answer)?.[path.steps[0]!.field.name] == null) return undefined;
  campaign.learn(path, answer);
  return { value: key, kind: 'secret', at: 'Idempotency-Key' };
}

/** Checks with the attacker's own key that keys work: the second answer must be the first. */
async function tryOwnKey(campaign: Campaign, path: Path, given: Arguments | undefined): Promise<void> {
  const { schema, wire, attackers } = campaign.parts;
  if (!given) return;
  const body = buildRequest(schema, path, given, 3);
  const request = { as: attackers[0]!, body, headers: { 'idempotency-key': newMark() } };
  const [first, second] = [await wire.send(request), await wire.send(request)];
  campaign.noteWrite(request, first);
  const tookEffect = dataOf(first)?.[path.steps[0]!.field.name] != null;
  if (tookEffect && first.body !== second.body)
    campaign.withoutEffect.push(`Idempotency-Key of ${nameOf(path)}`);
}

/** The victim registers a document under its hash; the attacker must not find one with that hash. */
export async function tryDocuments(campaign: Campaign): Promise<void> {
  const { wire, victims, attackers } = campaign.parts;
  const query = `{ __typename } # ${newMark()}`;
  const hash = createHash('sha256').update(query).digest('hex');
  const extensions = (sha256Hash: string) => ({ persistedQuery: { version: 1, sha256Hash } });
  const registered = await wire.send({ as: victims[0]!, body: { query, extensions: extensions(hash) } });
  const again = await wire.send({ as: victims[0]!, body: { extensions: extensions(hash) } });
  if (!dataOf(registered) || !dataOf(again)) {
    const codes = codesOf(again).join(', ');
    campaign.note(`registered documents: the victim’s own document is not kept (${codes})`);
    return;
  }
  for (const as of attackers) {
    await campaign.compare({
      attack: 'document',
      at: 'persistedQuery.sha256Hash',
      loot: { value: hash, kind: 'secret', at: 'a registered document' },
      other: () => createHash('sha256').update(newMark()).digest('hex'),
      request: (value) => ({ as, body: { extensions: extensions(value) } }),
    });
  }
}
