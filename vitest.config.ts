import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Vite would pick graphql's ES module build, Node picks the CommonJS one: two copies do not work together.
  resolve: {
    // The packages of packages/ are taken from their sources.
    tsconfigPaths: true,
    alias: { graphql: createRequire(import.meta.url).resolve('graphql') },
  },
  test: {
    include: ['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    pool: 'forks',
    // One more than the cores of a small machine: much of a test is waiting for the database.
    maxWorkers: 3,
    // Concurrent tests start servers: more of them at once take longer, not less.
    maxConcurrency: 2,
    testTimeout: 60_000,
    hookTimeout: 90_000,
    // Polls wait for a change of access to be heard of. Without that, it is found out after 30 seconds.
    expect: { poll: { timeout: 10_000 } },
    // A test that is skipped or alone by mistake is a failure, not a footnote.
    allowOnly: false,
  },
});
