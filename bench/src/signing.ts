/**
 * What signed contexts cost: Tenantry with them and without, and an earlier Tenantry that knows nothing of them, in turns
 * on the same PostgreSQL. `npm run --prefix bench signing -- [--before CHECKOUT] [--only W1,W3] [--rounds 9]`
 */
import { parseArgs } from 'node:util';
import { newSecret } from './compare.js';
import { CONTESTANTS, firstAnswer, start } from './contestants.js';
import { startDatabase } from './database.js';
import { startLoader } from './loader.js';
import { countInstructions } from './instructions.js';
import { measure, type Sample } from './measure.js';
import { fromTenantry, TENANTRY_ROOT } from './places.js';
import { figures } from './results.js';
import { session } from './session.js';
import { median, rounded, spread } from './statistics.js';
import { requestsOf } from './tokens.js';
import { WORKLOADS } from './workloads.js';

type ContextKeys = typeof import('../../src/database/context-keys.js');

const { values } = parseArgs({
  options: {
    before: { type: 'string' },
    only: { type: 'string', default: 'W1' },
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '4' },
  },
});
const CONNECTIONS = 16;
const SIZE = 'small';

/** With instructions per request. */
interface Counted extends Sample {
  readonly server: number;
  readonly postgres: number;
}

interface Variant {
  readonly name: string;
  readonly root: string;
  readonly contextKey?: string;
}

const variants: readonly Variant[] = [
  { name: 'signed', root: TENANTRY_ROOT, contextKey: newSecret() },
  { name: 'unsigned', root: TENANTRY_ROOT },
  ...(values.before === undefined ? [] : [{ name: 'before', root: values.before }]),
];

await session(async (onEnd) => {
  const log = (line: string) => console.error(line);
  const database = await startDatabase(log);
  onEnd(() => database.stop());
  const loader = startLoader();
  onEnd(() => loader.stop());
  const secret = newSecret();
  const { addContextKey } = await fromTenantry<ContextKeys>('database/context-keys.js');
  const servers = [];
  for (const { name, root, contextKey } of variants) {
    const { app, superuser } = await database.scratch(SIZE, `bench_${name}`, root);
    if (contextKey !== undefined) await addContextKey(superuser, contextKey);
    const contestant = { ...CONTESTANTS[0]!, folder: root };
    const running = await start(contestant, { databaseUrl: app, secret, contextKey });
    onEnd(running.stop);
    await firstAnswer(running, requestsOf(WORKLOADS[0]!, 'tenantry', SIZE, secret)[0]!);
    servers.push({ name, running });
  }
  for (const workload of WORKLOADS.filter((each) => values.only.split(',').includes(each.name))) {
    const requests = requestsOf(workload, 'tenantry', SIZE, secret);
    const samples = new Map<string, Counted[]>(servers.map(({ name }) => [name, []]));
    // Round 0 warms up.
    for (let round = 0; round <= Number(values.rounds); round++) {
      for (let turn = 0; turn < servers.length; turn++) {
        const { name, running } = servers[(round + turn) % servers.length]!;
        const load = { requests, errors: workload.refused, connections: CONNECTIONS, rampUp: 0.5 };
        const count = (pid: number) =>
          countInstructions([pid], () =>
            measure(running, { ...load, seconds: Number(values.seconds) }, loader, database),
          );
        // One after the other: `perf` cannot tell the processes apart.
        const server = await count(running.pid);
        const postgres = await count(database.pid);
        const per = (of: typeof server) => of.instructions / of.result.acknowledged;
        if (round > 0)
          samples.get(name)!.push({ ...server.result, server: per(server), postgres: per(postgres) });
      }
    }
    for (const [name, list] of samples) {
      const { rps, cpuServerUs, cpuDatabaseUs } = figures(list);
      const million = (of: 'server' | 'postgres') => rounded(median(list.map((sample) => sample[of])) / 1e6);
      console.log(
        `${workload.name} ${name.padEnd(8)} ${rps}/s, CPU ${cpuServerUs} + ${cpuDatabaseUs} µs, ` +
          `${million('server')} + ${million('postgres')} million instructions`,
      );
    }
    for (const [name, list] of samples) {
      if (name === 'signed') continue;
      const ratio = (of: (sample: Counted) => number) => {
        const ratios = samples.get('signed')!.map((own, round) => of(own) / of(list[round]!));
        return `${rounded(median(ratios))} (${spread(ratios).map(rounded).join('–')})`;
      };
      console.log(
        `${workload.name} signed / ${name}: requests per second ${ratio(({ rps }) => rps)}, ` +
          `CPU ${ratio(({ cpuServerUs, cpuDatabaseUs }) => cpuServerUs + cpuDatabaseUs)}, ` +
          `instructions ${ratio(({ server, postgres }) => server + postgres)}`,
      );
    }
    console.log(`foreign cores: ${rounded(median([...samples.values()].flat().map((s) => s.foreignCores)))}`);
  }
});
