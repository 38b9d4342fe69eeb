/** Measures how many milliseconds a hostile request delays others: the victim sends minimal requests meanwhile. */
import type { Campaign } from '../campaign.js';
import { hostileRequests, type HostileRequest } from '../hostile-documents.js';
import { Unreachable, type SentRequest } from '../wire.js';

/** More than a small request may legitimately use a server's only core, plus the variation of the network. */
export const MOST_DELAY_MS = 250;
/** Just below the usual limit of servers; the limit of documents is often lower. */
const SIZES = [95_000, 60_000];
const QUIET_SAMPLES = 10;
/** The delay must occur this often: once may be caused by other load. */
const ATTEMPTS = 3;

/** Sends every hostile request together with small ones of the victim, and measures their delay. */
export async function tryHostileRequests(
  campaign: Campaign,
  { write }: { readonly write: boolean },
): Promise<void> {
  const { schema, attackers } = campaign.parts;
  const sent = new Set<string>();
  for (const bytes of SIZES) {
    for (const request of hostileRequests(schema, { bytes, write })) {
      if (sent.has(request.json)) continue;
      sent.add(request.json);
      await tryOnce(campaign, request, {
        as: attackers[0]!,
        body: { query: request.query },
        json: request.json,
      });
    }
  }
}

async function tryOnce(campaign: Campaign, { name }: HostileRequest, request: SentRequest): Promise<void> {
  campaign.count('hostile request');
  let least = Infinity;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    least = Math.min(least, await delayBy(campaign, request));
    if (least <= MOST_DELAY_MS) return;
  }
  const evidence = `a request of the victim’s took ${least.toFixed(0)} ms longer than it does otherwise`;
  campaign.report({ attack: 'hostile request', breach: 'others kept waiting', at: name, request, evidence });
}

/** How many milliseconds longer than usual a small request takes while this one is answered. */
async function delayBy(campaign: Campaign, request: SentRequest): Promise<number> {
  const { wire } = campaign.parts;
  const quiet = await typicalLatency(campaign);
  let isAnswered = false as boolean;
  const answer = wire.send(request).then(
    () => (isAnswered = true),
    (error: unknown) => {
      isAnswered = true;
      // Closing the connection counts as an answer.
      if (!(error instanceof Unreachable)) throw error;
    },
  );
  let longest = 0;
  do longest = Math.max(longest, await delayOfOne(campaign, quiet));
  while (!isAnswered);
  await answer;
  return longest;
}

/**
 * The delay of one small request. If the server's CPU time is known, at most the time that it used meanwhile, because
 * other delay comes from other load of the machine.
 */
async function delayOfOne(campaign: Campaign, quiet: number): Promise<number> {
  const { cpuMs } = campaign.parts.observer;
  const before = cpuMs?.() ?? 0;
  const late = (await latency(campaign)) - quiet;
  return cpuMs ? Math.min(late, cpuMs() - before) : late;
}

async function typicalLatency(campaign: Campaign): Promise<number> {
  const samples: number[] = [];
  for (let n = 0; n < QUIET_SAMPLES; n++) samples.push(await latency(campaign));
  return samples.sort((one, other) => one - other)[QUIET_SAMPLES / 2]!;
}

async function latency({ parts: { wire, victims } }: Campaign): Promise<number> {
  const begun = performance.now();
  await wire.send({ as: victims[0]!, body: { query: '{ __typename }' } });
  return performance.now() - begun;
}
