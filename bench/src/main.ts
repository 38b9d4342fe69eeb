/**
 * Compares Tenantry with its alternatives: on this machine, in this run, with the same PostgreSQL, data, role, policies
 * and tokens. Answers are compared before anything is timed. README.md says what is measured and how.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { cells } from './cells.js';
import { compare, type Plan } from './compare.js';
import { startDatabase } from './database.js';
import { jobs } from './jobs.js';
import { life } from './life.js';
import { live } from './live.js';
import { startLoader } from './loader.js';
import { noisy } from './noisy.js';
import { overload } from './overload.js';
import { markdown } from './report.js';
import { compareScale } from './scale.js';
import { schemas } from './schemas.js';
import { session } from './session.js';
import { WORKLOADS, type WorkloadName } from './workloads.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, only: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
const [benchmark] = positionals;
const fairPlan = values.quick
  ? ({ size: 'tiny', seconds: 5, warmUp: 8 } as const)
  : ({ size: 'small', seconds: 15, warmUp: 15 } as const);
// Each ends the process.
if (benchmark === 'noisy') await noisy(fairPlan);
else if (benchmark === 'overload') await overload(fairPlan);
else if (benchmark === 'jobs')
  await jobs(
    values.quick
      ? { jobs: 500, queued: 5_000, tries: 20, finished: 20_000 }
      : { jobs: 5_000, queued: 100_000, tries: 100, finished: 1_000_000 },
  );
else if (benchmark === 'life')
  await life(
    values.quick ? { rows: 60_000, rate: 50, seconds: 3 } : { rows: 5_000_000, rate: 50, seconds: 15 },
  );
else if (benchmark === 'live')
  await live({
    subscribers: 1_000,
    rates: [20, 200],
    rampUp: 5,
    ...(values.quick ? { seconds: 5, rounds: 1 } : { seconds: 20, rounds: 5 }),
  });
else if (benchmark === 'cells')
  await cells(
    values.quick
      ? { rows: 60_000, rate: 20, seconds: 2, rounds: 3 }
      : { rows: 1_000_000, rate: 20, seconds: 4, rounds: 7 },
  );
else if (benchmark === 'schemas') await schemas(values.quick ? [1, 20] : [1, 100, 1_000]);
else if (benchmark !== undefined) {
  console.error(
    `There is no benchmark ${benchmark}: noisy, overload, jobs, life, live, cells, schemas, or none for the comparison.`,
  );
  process.exit(2);
}

const asked = values.only?.split(',') ?? WORKLOADS.map(({ name }) => name);
const unknown = asked.find((name) => !WORKLOADS.some((workload) => workload.name === name));
if (unknown !== undefined) {
  console.error(`There is no workload ${unknown}: ${WORKLOADS.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
const plan: Plan = {
  workloads: WORKLOADS.filter(({ name }) => asked.includes(name)),
  ...(values.quick
    ? { size: 'tiny', rounds: 2, seconds: 2, rampUp: 0.5, warmUp: 1.5, starts: 1 }
    : { size: 'small', rounds: 5, seconds: 5, rampUp: 1, warmUp: 4, starts: 3 }),
};
const SCALED: readonly WorkloadName[] = ['W1', 'W2', 'W4'];

await session(async (onEnd) => {
  const log = (line: string) => console.error(line);
  const database = await startDatabase(log);
  onEnd(() => database.stop());
  const loader = startLoader();
  onEnd(() => loader.stop());
  const parts = { database, loader, log, onEnd };
  const comparison = await compare(plan, parts);
  const scaled = plan.workloads.filter(({ name }) => SCALED.includes(name));
  const scale =
    values.quick || scaled.length === 0 ? {} : await compareScale({ ...plan, workloads: scaled }, parts);
  const results = { ...comparison, scale };
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(markdown(results));
});
