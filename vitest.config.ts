import { createRequire } from 'node:module';
import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Vite would pick graphql's ES module build, Node picks the CommonJS one: two copies do not work together.
export const resolve = {
  // Uses the sources of the packages in packages/.
  tsconfigPaths: true,
  alias: { graphql: createRequire(import.meta.url).resolve('graphql') },
};

/**
 * Files that need a process of their own. Each costs another import of the server: rather let a file put back what it
 * changes.
 */
const ALONE = [
  // Replaces a module, which other files have loaded.
  'test/kernel/execution.unit.test.ts',
  // Measures what the process keeps in memory.
  'test/kernel/kept-memory.slow.test.ts',
  // Measures the CPU time of the process, which grows with what other files have left to the garbage collector.
  'test/kernel/hostile-requests.slow.test.ts',
];

const options = {
  pool: 'forks',
  // Concurrent tests start servers, so more of them at once take longer.
  maxConcurrency: 2,
  // No test is about its own time: a busy machine needs ten times as long.
  testTimeout: 120_000,
  hookTimeout: 180_000,
  // Polls wait until a change of access is announced. Without the announcement it takes effect after 30 seconds.
  expect: { poll: { timeout: 10_000 } },
  // A test that is skipped, or run alone by `.only`, is a failure.
  allowOnly: false,
} as const satisfies TestProjectInlineConfiguration['test'];

/**
 * The tests of these files.
 *
 * @param alone those of them that need a process of their own
 */
export const projectsOf = (include: string[], alone: string[] = ALONE): TestProjectInlineConfiguration[] => [
  // The files follow each other in a few processes, each of which loads the server once.
  {
    resolve,
    test: {
      ...options,
      name: 'shared',
      include,
      exclude: [...configDefaults.exclude, ...alone],
      isolate: false,
    },
  },
  { resolve, test: { ...options, name: 'alone', include: alone } },
];

/** One more than the cores of a small machine, because tests mostly wait for the database. */
export const WORKERS = 3;

/** A run ends later when a file of minutes begins last: the attack is first, then the other slow files. */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      moduleId.endsWith('/platform/attack.slow.test.ts') ? 0 : moduleId.endsWith('.slow.test.ts') ? 1 : 2;
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** All tests. `npm test` leaves out the slow ones: see vitest.quick.config.ts. */
export default defineConfig({
  resolve,
  test: {
    // Of the run, not of a project, which would have a database server of its own.
    globalSetup: 'test/support/global-setup.ts',
    maxWorkers: WORKERS,
    sequence: { sequencer: SlowFirst },
    projects: projectsOf(['test/**/*.test.ts', 'packages/*/test/**/*.test.ts']),
  },
});
