import { defineConfig } from 'vitest/config';
import { projectsOf, resolve, WORKERS } from './vitest.config.js';

/** What `npm test` runs: all tests but those of the files whose name says that they are slow. */
export default defineConfig({
  // Of the global setup; each project has its own.
  resolve,
  test: {
    globalSetup: 'test/support/global-setup.ts',
    maxWorkers: WORKERS,
    projects: projectsOf(
      ['{test,packages/*/test}/**/*.test.ts', '!**/*.slow.test.ts'],
      ['test/kernel/execution.unit.test.ts'],
    ),
  },
});
