/**
 * Compares Tenantry with what one would use instead: on this machine, in this run, on the same PostgreSQL, data, role,
 * policies and tokens. Answers are compared before anything is timed. README.md says what is measured and how.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { compare, type Plan } from './compare.js';
import { startDatabase } from './database.js';
import { startLoader } from './loader.js';
import { markdown } from './report.js';
import { compareScale } from './scale.js';
import { session } from './session.js';
import { WORKLOADS, type WorkloadName } from './workloads.js';

const { values } = parseArgs({
  options: { json: { type: 'string' }, only: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
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
