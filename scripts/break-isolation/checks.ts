/** Runs the tests or ESLint on a copy, and reports the first failure. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { z } from 'zod';

/** The test or rule that noticed a mutant. */
export interface Notice {
  /** A test file and the name of a test, or a rule of the linter. */
  readonly by: string;
  /** True when no test reached a comparison: files did not load, hooks failed, or the first test failed earlier. */
  readonly atStart: boolean;
}

const TOO_LONG_MS = 15 * 60_000;

const report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(
        z.object({
          status: z.string(),
          title: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
});

/**
 * Runs these test files, or all when none are given, until the first failure.
 *
 * @returns the test that noticed; undefined when every test passed
 * @throws Error when no test ran, or tests were skipped
 */
export function runTests(folder: string, files: readonly string[]): Notice | undefined {
  const scratch = mkdtempSync(join(tmpdir(), 'tenantry-mutant-report-'));
  const output = join(scratch, 'report.json');
  try {
    const { status, text } = run(folder, 'vitest', [
      'run',
      ...files,
      '--bail=1',
      '--reporter=json',
      `--outputFile=${output}`,
    ]);
    const { testResults } = read(output) ?? { testResults: [] };
    const tests = testResults.flatMap(({ name, assertionResults }) =>
      assertionResults.map((each) => ({ ...each, file: relative(folder, name) })),
    );
    const passed = tests.filter((each) => each.status === 'passed').length;
    const failures = tests.filter((each) => each.status === 'failed');
    const judged = failures.find(({ failureMessages }) =>
      failureMessages?.some((message) => isJudgement(folder, message)),
    );
    const failed = judged ?? failures[0];
    if (failed) {
      return { by: `${failed.file} › ${failed.title}`, atStart: !judged && passed === 0 };
    }
    if (status !== 0) {
      const file = testResults.find((each) => each.status === 'failed');
      return { by: file ? relative(folder, file.name) : firstError(text), atStart: true };
    }
    if (passed === 0) throw new Error(`no test has run in ${files.join(', ')}`);
    return undefined;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const messages = z.array(z.object({ messages: z.array(z.object({ ruleId: z.string().nullable() })) }));

/** @returns the rule that ESLint reports; undefined when there is none */
export function runLint(folder: string, files: readonly string[]): Notice | undefined {
  const { text } = run(folder, 'eslint', ['--format', 'json', ...files]);
  const [found] = messages.parse(JSON.parse(text)).flatMap((file) => file.messages);
  return found && { by: `ESLint › ${found.ruleId ?? 'syntax'}`, atStart: false };
}

function run(
  folder: string,
  command: string,
  args: readonly string[],
): { status: number | null; text: string } {
  // Colours are off: their escape codes would make the output hard to parse.
  const { status, stdout, stderr, error } = spawnSync(join(folder, 'node_modules/.bin', command), args, {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    timeout: TOO_LONG_MS,
  });
  if (error) throw error;
  return { status, text: [stdout, stderr].filter(Boolean).join('\n') };
}

function read(file: string): z.infer<typeof report> | undefined {
  try {
    return report.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    if (error instanceof z.ZodError) throw error;
    return undefined;
  }
}

/** Whether a test itself failed: by a comparison, or by an error of its own code. */
function isJudgement(folder: string, message: string): boolean {
  const [thrownAt] = /^ +at .*$/m.exec(message) ?? [''];
  return message.startsWith('AssertionError') || (thrownAt.includes(folder) && thrownAt.includes('/test/'));
}

/** The first error, without the part from a bracket on and without ports, which change each time. */
const firstError = (text: string): string =>
  /^ *\w*[eE]rror: [^(\n]*/m
    .exec(text)?.[0]
    .replace(/ at [\d.]+:\d+/, '')
    .trim() ?? 'the set-up of the tests';
