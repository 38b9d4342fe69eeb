/** Runs the tests, or ESLint, on a copy, and says who failed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { z } from 'zod';

/** Somebody who noticed. */
export interface Notice {
  /** A test file and the name of a test, or the rule of a linter. */
  readonly by: string;
  /**
   * True when no test has judged: files did not load, hooks failed, or the first test broke down before it came to a
   * comparison.
   */
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
 * Runs test files, or without any all of them, until the first failure.
 *
 * @returns who noticed; undefined when every test passed
 * @throws Error when no test has run, or tests were skipped
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

/** @returns the rule that ESLint says is broken; undefined when there is none */
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
  // Colours would only hide the reasons from whoever reads them.
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

/** Whether a failure is what the tests themselves had to say: a comparison, or an error that their own code threw. */
function isJudgement(folder: string, message: string): boolean {
  const [thrownAt] = /^ +at .*$/m.exec(message) ?? [''];
  return message.startsWith('AssertionError') || (thrownAt.includes(folder) && thrownAt.includes('/test/'));
}

/** Without what follows a bracket, and without a port, which is another one each time. */
const firstError = (text: string): string =>
  /^ *\w*[eE]rror: [^(\n]*/m
    .exec(text)?.[0]
    .replace(/ at [\d.]+:\d+/, '')
    .trim() ?? 'the set-up of the tests';
