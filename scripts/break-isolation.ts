/**
 * Tests the tests of isolation: breaks the kernel in many ways, one at a time on a copy of the working tree, and
 * requires that the tests or `tenantry audit` notice each. Exits with 1 when a mutant is not noticed or no longer fits
 * the code.
 *
 *   npm run break-isolation -- [--list] [--only NAME …] [--audit-only] [--targeted] [--write-docs]
 *
 * --audit-only runs only the audit, on the mutants that it must notice, and takes seconds. --targeted never runs the
 * whole suite, which otherwise runs for a mutant that its own tests do not notice. --write-docs updates the rows of the
 * tried mutants in docs/isolation-mutants.md.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { withAuditor, type Auditor } from './break-isolation/audit.js';
import { runLint, runTests, type Notice } from './break-isolation/checks.js';
import { MUTANTS } from './break-isolation/mutants.js';
import type { Mutant } from './break-isolation/mutant.js';
import { isNoticed, writeTable, type Outcome } from './break-isolation/table.js';
import { WorkingCopy } from './break-isolation/working-copy.js';

const { values: options } = parseArgs({
  options: {
    list: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    'audit-only': { type: 'boolean', default: false },
    targeted: { type: 'boolean', default: false },
    'write-docs': { type: 'boolean', default: false },
  },
});

const chosen = choose(options.only);
if (options.list) {
  for (const { name, breaks } of chosen) console.log(`${name}: ${breaks}`);
} else {
  process.exitCode = (await breakAll()) ? 0 : 1;
}

function choose(names: readonly string[] | undefined): readonly Mutant[] {
  const all = MUTANTS.flatMap(({ mutants }) => mutants);
  const unknown = names?.find((name) => !all.some((each) => each.name === name));
  if (unknown !== undefined) throw new Error(`there is no mutant ${unknown}: --list shows them`);
  return all.filter(
    ({ name, audit }) => names?.includes(name) ?? (audit !== undefined || !options['audit-only']),
  );
}

/** @returns whether every mutant was noticed */
async function breakAll(): Promise<boolean> {
  const copy = WorkingCopy.of(fileURLToPath(new URL('..', import.meta.url)));
  try {
    return await withAuditor(copy.folder, async (auditor) => {
      await tryOn(copy, auditor);
      if (!options['audit-only']) control(copy);
      const outcomes: Outcome[] = [];
      for (const mutant of chosen) {
        const outcome = await breakOnce(copy, auditor, mutant);
        outcomes.push(outcome);
        console.log(line(outcome));
      }
      if (options['write-docs']) {
        const page = new URL('../docs/isolation-mutants.md', import.meta.url);
        await writeTable(page, MUTANTS, outcomes);
      }
      return summary(outcomes);
    });
  } finally {
    copy.remove();
  }
}

/** @throws FallenBehind when a mutant no longer fits, before anything takes long */
async function tryOn(copy: WorkingCopy, auditor: Auditor): Promise<void> {
  for (const mutant of chosen) {
    copy.make(mutant)();
    await auditor.tryOn(mutant);
  }
}

/** Requires that everything passes without a mutant; otherwise a failure would prove nothing. */
function control({ folder }: WorkingCopy): void {
  const started = performance.now();
  const tests = [...new Set(chosen.flatMap((each) => each.tests ?? []))];
  const lint = [...new Set(chosen.flatMap((each) => each.lint ?? []))];
  const failed =
    (tests.length > 0 ? runTests(folder, tests) : undefined) ??
    (lint.length > 0 ? runLint(folder, lint) : undefined);
  if (failed) throw new Error(`without a mutant, this fails: ${failed.by}`);
  console.log(
    `control: ${String(tests.length)} test files pass without a mutant (${secondsSince(started)} s)`,
  );
}

async function breakOnce(copy: WorkingCopy, auditor: Auditor, mutant: Mutant): Promise<Outcome> {
  const started = performance.now();
  const undo = copy.make(mutant);
  try {
    const rules = await auditor.audit(mutant, copy.folder);
    const notice = options['audit-only'] ? undefined : check(copy, mutant, rules);
    return { mutant, notice, rules, seconds: Number(secondsSince(started)) };
  } finally {
    undo();
  }
}

function check(
  { folder }: WorkingCopy,
  { tests, lint }: Mutant,
  rules: readonly string[] = [],
): Notice | undefined {
  const notice = (tests && runTests(folder, tests)) ?? (lint && runLint(folder, lint));
  return notice ?? (rules.length > 0 || options.targeted ? undefined : runTests(folder, []));
}

function secondsSince(started: number): string {
  return ((performance.now() - started) / 1000).toFixed(0);
}

function line(outcome: Outcome): string {
  const { mutant, notice, rules, seconds } = outcome;
  const by = notice ? `${notice.by}${notice.atStart ? ' (at the start)' : ''}` : 'no test';
  const told = [
    ...(options['audit-only'] ? [] : [by]),
    ...(rules ? [`audit: ${rules.join(', ') || 'no rule'}`] : []),
  ];
  return `${isNoticed(outcome) ? 'noticed ' : 'SURVIVED'} ${mutant.name} (${String(seconds)} s): ${told.join('; ')}`;
}

function summary(outcomes: readonly Outcome[]): boolean {
  const survivors = outcomes.filter((each) => !isNoticed(each));
  console.log(`\n${String(outcomes.length)} mutants, ${String(survivors.length)} survived`);
  for (const { mutant } of survivors) console.log(`survived: ${mutant.name}: ${mutant.breaks}`);
  return survivors.length === 0;
}
