import { defineConfig } from 'vitest/config';
import config from './vitest.config.js';

/** The tests without a database, selected by file name: `npm run test:unit`. `npm test` runs them with all others. */
export default defineConfig({
  ...config,
  test: {
    ...config.test,
    globalSetup: [],
    include: ['{test,packages}/**/*.unit.test.ts'],
    // They change no shared state, so the server is loaded once for each worker.
    isolate: false,
  },
});
