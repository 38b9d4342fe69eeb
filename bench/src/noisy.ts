/**
 * What one noisy tenant costs the others. The others send few requests at a fixed rate: while nothing else happens, while
 * the noisy tenant has 500 slow requests under way, and while it floods the server with cheap ones.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { barChart } from './chart.js';
import { newSecret } from './compare.js';
import { firstAnswer, start } from './contestants.js';
import { startDatabase } from './database.js';
import { NOISY, fairServers, slowDown, type FairServer } from './fair-servers.js';
import { startLoader, startPacedLoader } from './loader.js';
import { machineLine, writePicture } from './machine.js';
import type { PacedReport } from './paced-load.js';
import { cpuTime } from './processes.js';
import { session } from './session.js';
import { requestsOf } from './tokens.js';
import { SLOW, WORKLOADS } from './workloads.js';

/** Times in seconds. */
export interface NoisyPlan {
  readonly size: 'tiny' | 'small';
  readonly seconds: number;
  readonly warmUp: number;
}

/** What the others ask for, of what Tenantry serves on 16 connections. */
const SHARE_OF_OTHERS = 0.2;
const SLOW_AT_ONCE = 500;
const SLOW_SECONDS = 0.25;
const FLOOD_CONNECTIONS = 100;
/** An answer to the others that takes longer than this is not counted as good, in milliseconds. */
const PATIENCE = 2_000;

const PHASES = ['quiet', 'slow', 'flood'] as const;
type Phase = (typeof PHASES)[number];
type Course = Readonly<Record<Phase, PacedReport>>;

/** Prints the table, and draws docs/operate/noisy.svg. */
export async function noisy(plan: NoisyPlan): Promise<void> {
  await session(async (onEnd) => {
    const log = (line: string) => console.error(line);
    const database = await startDatabase(log);
    onEnd(() => database.stop());
    const [others, tenant] = [startPacedLoader(), startLoader()];
    onEnd(() => others.stop());
    onEnd(() => tenant.stop());
    const secret = newSecret();
    const { app, superuser } = await database.scratch(plan.size);
    const [w1] = WORKLOADS;
    /** Of the others, per second: the same for all servers. */
    let rate: number | undefined;

    const measureServer = async ({ contestant, ...options }: FairServer): Promise<Course> => {
      const running = await start(contestant, { databaseUrl: app, secret, ...options });
      onEnd(running.stop);
      const cheap = requestsOf(w1!, contestant.name, plan.size, secret);
      const slow = requestsOf(SLOW, contestant.name, plan.size, secret);
      await firstAnswer(running, cheap[0]!);
      // After the start, at which Tenantry checks every policy.
      await slowDown(superuser, SLOW_SECONDS);
      const { origin } = running;
      const ofNoisy = { origin, errors: false, rampUp: 0, seconds: plan.seconds + 2 };
      const rateOf = async (requests: typeof cheap) => {
        const served = await tenant.run({
          ...ofNoisy,
          requests,
          connections: 16,
          rampUp: plan.warmUp,
          seconds: 3,
        });
        return (rate ??= (SHARE_OF_OTHERS * served.requests) / served.seconds);
      };
      const ofOthers = {
        origin,
        requests: cheap.slice(NOISY),
        rate: await rateOf(cheap),
        patience: PATIENCE,
        seconds: plan.seconds,
        rampUp: 1,
      };
      const quiet = await others.run(ofOthers);
      const under = async (what: typeof cheap, connections: number) => {
        const noise = tenant.run({ ...ofNoisy, requests: what.slice(0, NOISY), connections });
        // When interrupted, both fail.
        noise.catch(() => undefined);
        await delay(500);
        const before = await cpuTime(running.pid);
        const report = await others.run(ofOthers);
        const cores = ((await cpuTime(running.pid)) - before) / 1e6 / (plan.seconds + 1);
        const { requests, seconds, wrong, firstWrong } = await noise;
        log(
          `  the noisy tenant: ${(requests / seconds).toFixed(0)}/s answered, ${wrong} refused; the server used ${cores.toFixed(2)} cores. ${firstWrong ?? ''}`,
        );
        return report;
      };
      const course = {
        quiet,
        slow: await under(slow, SLOW_AT_ONCE),
        flood: await under(cheap, FLOOD_CONNECTIONS),
      };
      await running.stop();
      return course;
    };

    const load = machineLine(database.version);
    const results: (readonly [string, Course])[] = [];
    for (const server of await fairServers()) {
      const course = await measureServer(server);
      results.push([server.title, course]);
      for (const phase of PHASES) log(`${server.title}, ${phase}: ${line(course[phase])}`);
    }
    console.log(`${table(results)}\n\n${await load()}`);
    await writePicture(
      'noisy.svg',
      barChart({
        title: 'p99 of the other tenants while one is noisy, in milliseconds (logarithmic)',
        groups: results.map(([title]) => title),
        series: PHASES.map((phase) => ({
          name: NAMES[phase],
          values: results.map(([, course]) => course[phase].p99),
        })),
      }),
    );
  });
}

const NAMES: Readonly<Record<Phase, string>> = {
  quiet: 'quiet',
  slow: `${SLOW_AT_ONCE} slow requests of one tenant`,
  flood: 'one tenant floods',
};

const line = ({ p50, p99, goodput, refused, failed, lag, firstFailure }: PacedReport): string =>
  `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${goodput.toFixed(1)}/s good, ${refused.toFixed(1)}/s refused, ` +
  `${failed.toFixed(1)}/s failed, sent up to ${lag.toFixed(0)} ms late${firstFailure === undefined ? '' : ` (${firstFailure})`}`;

function table(results: readonly (readonly [string, Course])[]): string {
  const rows = results.flatMap(([title, course]) =>
    PHASES.map((phase) => {
      const { p50, p99, goodput, offered } = course[phase];
      const ratio = phase === 'quiet' ? '' : `${(p99 / course.quiet.p99).toFixed(1)} ×`;
      return `| ${title} | ${NAMES[phase]} | ${p50.toFixed(1)} ms | ${p99.toFixed(1)} ms | ${ratio} | ${((100 * goodput) / offered).toFixed(1)} % |`;
    }),
  );
  return [
    '| server | the noisy tenant | p50 | p99 | of its quiet p99 | answered within 2 s |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
