/**
 * How much useful work is done when more is asked for than can be done: requests of all tenants at up to four times the
 * rate that the server can serve, with the gate and without it.
 */
import { lineChart } from './chart.js';
import { newSecret } from './compare.js';
import { firstAnswer, start } from './contestants.js';
import { startDatabase } from './database.js';
import { fairServers, type FairServer } from './fair-servers.js';
import { startLoader, startPacedLoader } from './loader.js';
import { machineLine, writePicture } from './machine.js';
import type { PacedReport } from './paced-load.js';
import { session } from './session.js';
import { requestsOf } from './tokens.js';
import { WORKLOADS } from './workloads.js';

/** Times in seconds. */
export interface OverloadPlan {
  readonly size: 'tiny' | 'small';
  readonly seconds: number;
  readonly warmUp: number;
}

const FACTORS = [0.5, 0.8, 1, 1.5, 2, 3, 4];
/** An answer that takes longer is worth nothing, in milliseconds. */
const PATIENCE = 1_000;
const CONNECTIONS = 16;

/** Prints the table, and draws docs/operate/overload.svg. */
export async function overload(plan: OverloadPlan): Promise<void> {
  await session(async (onEnd) => {
    const log = (line: string) => console.error(line);
    const database = await startDatabase(log);
    onEnd(() => database.stop());
    const [paced, closed] = [startPacedLoader(), startLoader()];
    onEnd(() => paced.stop());
    onEnd(() => closed.stop());
    const secret = newSecret();
    const { app } = await database.scratch(plan.size);
    const load = machineLine(database.version);
    const [withGate, without] = await fairServers();
    let capacity: number | undefined;

    const measureServer = async ({ title, contestant, ...options }: FairServer): Promise<PacedReport[]> => {
      const running = await start(contestant, { databaseUrl: app, secret, ...options });
      onEnd(running.stop);
      const requests = requestsOf(WORKLOADS[0]!, contestant.name, plan.size, secret);
      await firstAnswer(running, requests[0]!);
      const { origin } = running;
      const served = await closed.run({
        origin,
        requests,
        connections: CONNECTIONS,
        errors: false,
        rampUp: plan.warmUp,
        seconds: plan.seconds,
      });
      // The same load for both.
      capacity ??= served.requests / served.seconds;
      log(`${title}: ${(served.requests / served.seconds).toFixed(0)}/s on ${CONNECTIONS} connections`);
      const reports = [];
      for (const factor of FACTORS) {
        const report = await paced.run({
          origin,
          requests,
          rate: factor * capacity,
          rampUp: 2,
          seconds: plan.seconds,
          patience: PATIENCE,
        });
        reports.push(report);
        log(`  ${factor} ×: ${line(report)}`);
      }
      await running.stop();
      return reports;
    };

    const results: (readonly [string, PacedReport[]])[] = [];
    for (const server of [withGate, without]) results.push([server.title, await measureServer(server)]);
    console.log(`${table(results)}\n\n${await load()}`);
    await writePicture(
      'overload.svg',
      lineChart({
        title: `Answers within ${PATIENCE / 1_000} s, per second, by offered load (1 = what 16 connections are served)`,
        x: FACTORS,
        series: results.map(([name, reports]) => ({ name, values: reports.map(({ goodput }) => goodput) })),
      }),
    );
  });
}

const line = ({
  offered,
  goodput,
  refused,
  failed,
  p99,
  refusedP50,
  probeMax,
  lag,
  firstFailure,
}: PacedReport) =>
  `offered ${offered.toFixed(0)}/s, good ${goodput.toFixed(0)}/s, p99 ${p99.toFixed(0)} ms, refused ` +
  `${refused.toFixed(0)}/s in ${refusedP50.toFixed(0)} ms, failed ${failed.toFixed(0)}/s, probe ${probeMax.toFixed(0)} ms, ` +
  `sent up to ${lag.toFixed(0)} ms late` +
  (firstFailure === undefined ? '' : ` (${firstFailure})`);

function table(results: readonly (readonly [string, readonly PacedReport[]])[]): string {
  const rows = results.flatMap(([title, reports]) => {
    const best = Math.max(...reports.map(({ goodput }) => goodput));
    return reports.map(
      ({ offered, goodput, refused, failed, p99, refusedP50, probeMax, probesFailed }, n) => {
        const refusal = refused === 0 ? '' : `${refusedP50.toFixed(0)} ms`;
        const probe = probesFailed > 0 ? `${probesFailed} failed` : `${probeMax.toFixed(0)} ms`;
        return (
          `| ${title} | ${FACTORS[n]} × | ${offered.toFixed(0)}/s | ${goodput.toFixed(0)}/s | ${((100 * goodput) / best).toFixed(0)} % | ` +
          `${p99.toFixed(0)} ms | ${refused.toFixed(0)}/s | ${refusal} | ${failed.toFixed(0)}/s | ${probe} |`
        );
      },
    );
  });
  return [
    '| server | load | offered | good | of its best | p99 | refused | after (median) | late or failed | slowest probe |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
