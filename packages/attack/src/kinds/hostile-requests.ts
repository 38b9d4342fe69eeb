/** One hostile request may cost others so many milliseconds: the victim asks for next to nothing while it is answered. */
import type { Campaign } from '../campaign.js';
import { hostileRequests, type HostileRequest } from '../hostile-documents.js';
import { Unreachable, type SentRequest } from '../wire.js';

/** More than a small request may rightly take the only core of a server, and what a network varies by. */
export const MOST_DELAY_MS = 250;
/** Just below what servers take; documents are often held to less. */
const SIZES = [95_000, 60_000];
const QUIET_SAMPLES = 10;
/** What others are kept waiting for must be seen so often: once may be a machine that is busy otherwise. */
const ATTEMPTS = 3;

/** Sends every hostile request at the side of small ones of the victim's, whose delay is measured. */
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

/** By how many milliseconds a small request takes longer than usual while this one is answered. */
async function delayBy(campaign: Campaign, request: SentRequest): Promise<number> {
  const { wire } = campaign.parts;
  const quiet = await typicalLatency(campaign);
  let isAnswered = false as boolean;
  const answer = wire.send(request).then(
    () => (isAnswered = true),
    (error: unknown) => {
      isAnswered = true;
      // A server that hangs up has answered too.
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
 * By how much one small request is late. Where the server's CPU time is known, not by more than it has used meanwhile: the
 * rest is a machine that is busy with something else.
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
