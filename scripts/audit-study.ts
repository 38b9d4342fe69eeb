/**
 * Runs the study of docs/audit-study.md again: builds a database for each project from its migrations, runs one or two
 * versions of tenantry-audit and splinter on it, and prints counts. Nothing of the projects is kept.
 *
 *   npx tsx scripts/audit-study.ts build MIRRORS URL [--round N] [--only NAME]
 *   npx tsx scripts/audit-study.ts compare URL --before DIST --after DIST [--splinter FILE] [--out FOLDER]
 *   npx tsx scripts/audit-study.ts plant URL --round N
 *
 * MIRRORS has a bare repository for each project, `owner+name/repo`; URL is a superuser of a server for this only.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { build } from './audit-study/build.js';
import { compare } from './audit-study/compare.js';
import { plant } from './audit-study/plant.js';
import { PROJECTS } from './audit-study/projects.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    round: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true },
    before: { type: 'string' },
    after: { type: 'string' },
    splinter: { type: 'string' },
    out: { type: 'string' },
    errors: { type: 'boolean', default: false },
  },
});
const [work, ...given] = positionals;
const projects = PROJECTS.filter(
  ({ name, round }) =>
    (values.round === undefined || values.round.includes(String(round))) &&
    (values.only === undefined || values.only.some((part) => name.includes(part))),
);

if (work === 'build' && given.length === 2) {
  for (const project of projects) {
    const { statements, failed, errors } = await build(project, given[0]!, given[1]!);
    console.log(`${project.name} ${project.part ?? ''} ${statements} statements, ${failed} failed`);
    if (values.errors) for (const error of new Set(errors)) console.log(`  ${error}`);
  }
} else if (work === 'compare' && given.length === 1 && values.after !== undefined) {
  await compare(projects, given[0]!, { ...values, after: values.after });
} else if (work === 'plant' && given.length === 1) {
  await plant(projects, given[0]!);
} else {
  console.error('See the beginning of scripts/audit-study.ts.');
  process.exitCode = 2;
}
