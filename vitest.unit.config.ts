import { defineConfig } from 'vitest/config';
import { projectsOf, WORKERS } from './vitest.config.js';

/** The tests without a database, selected by file name: `npm run test:unit`. `npm test` runs them with all others. */
export default defineConfig({
  test: {
    maxWorkers: WORKERS,
    projects: projectsOf(['{test,packages}/**/*.unit.test.ts'], ['test/kernel/execution.unit.test.ts']),
  },
});
