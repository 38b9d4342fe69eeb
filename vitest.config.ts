import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Vite would pick graphql's ES module build, Node picks the CommonJS one: two copies do not work together.
  resolve: {
    // Uses the sources of the packages in packages/.
    tsconfigPaths: true,
    alias: { graphql: createRequire(import.meta.url).resolve('graphql') },
  },
  test: {
    include: ['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    pool: 'forks',
    // One more than the cores of a small machine, because tests mostly wait for the database.
    maxWorkers: 3,
    // Concurrent tests start servers, so more of them at once take longer.
    maxConcurrency: 2,
    testTimeout: 60_000,
    hookTimeout: 90_000,
    // Polls wait until a change of access is announced. Without the announcement it takes effect after 30 seconds.
    expect: { poll: { timeout: 10_000 } },
    // A test that is skipped, or run alone by `.only`, is a failure.
    allowOnly: false,
  },
});
