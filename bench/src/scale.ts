/**
 * Compares Tenantry with a hundred tenants and with ten thousand, in turns: the CPU time of a request, of server and
 * database together.
 */
import { CONTESTANTS, firstAnswer, start } from './contestants.js';
import { newSecret, type Parts, type Plan } from './compare.js';
import { figures, type Figures } from './results.js';
import { SIZES, type SizeName } from './dataset.js';
import { measure, type Sample } from './measure.js';
import { median, rounded, spread } from './statistics.js';
import { requestsOf } from './tokens.js';

export interface Scaling {
  /** The CPU time per request with the large data divided by that with the small data. */
  readonly ratio: number;
  readonly spread: readonly [number, number];
  readonly small: Figures;
  readonly large: Figures;
}

const CONNECTIONS = 16;
const COMPARED: readonly SizeName[] = ['small', 'large'];

/**
 * Measures the workloads with both sizes. Requests come from all tenants in turn, so with the large data a tenant's
 * requests are seconds apart.
 */
export async function compareScale(plan: Plan, parts: Parts): Promise<Record<string, Scaling>> {
  const { database, loader, log } = parts;
  const secret = newSecret();
  const tenantry = CONTESTANTS[0]!;
  const servers = [];
  for (const size of COMPARED) {
    const { app } = await database.filled(size);
    const running = await start(tenantry, { databaseUrl: app, secret });
    parts.onEnd(running.stop);
    await firstAnswer(running, requestsOf(plan.workloads[0]!, 'tenantry', size, secret)[0]!);
    servers.push({ size, running });
  }
  const scalings: Record<string, Scaling> = {};
  for (const workload of plan.workloads) {
    const samples: Record<string, Sample[]> = { small: [], large: [] };
    const all = servers.map((server) => ({
      ...server,
      requests: requestsOf(workload, 'tenantry', server.size, secret),
    }));
    // Round 0 is not counted. It reads each tenant's pages once.
    for (let round = 0; round <= plan.rounds; round++) {
      for (const { size, running, requests } of round % 2 === 0 ? all : all.toReversed()) {
        const seconds = round === 0 ? Math.max(plan.warmUp, SIZES[size].tenants / 1_000) : plan.seconds;
        const turn = { requests, errors: false, connections: CONNECTIONS, rampUp: plan.rampUp, seconds };
        const sample = await measure(running, turn, loader, database);
        if (round > 0) samples[size]!.push(sample);
        const cpu = (sample.cpuServerUs + sample.cpuDatabaseUs).toFixed(0);
        log(`  ${workload.name} ${size.padEnd(6)} ${sample.rps.toFixed(0)}/s, CPU ${cpu} µs`);
      }
    }
    const cost = (size: SizeName) =>
      samples[size]!.map(({ cpuServerUs, cpuDatabaseUs }) => cpuServerUs + cpuDatabaseUs);
    const small = cost('small');
    const ratios = cost('large').map((large, round) => large / small[round]!);
    const [low, high] = spread(ratios);
    scalings[workload.name] = {
      ratio: rounded(median(ratios)),
      spread: [rounded(low), rounded(high)],
      small: figures(samples['small']!),
      large: figures(samples['large']!),
    };
  }
  for (const { running } of servers) await running.stop();
  return scalings;
}
