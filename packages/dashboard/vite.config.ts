import { defineConfig } from 'vite';

/** Where `npm run dev` finds the API. */
const API = 'http://localhost:4000';

export default defineConfig({
  // The server has the files below this path.
  base: '/app/',
  // Replaced by the server with a new value for each page: react-aria adds styles of its own.
  html: { cspNonce: 'CSP_NONCE' },
  build: {
    // What the oldest browsers of 2023 run.
    target: ['chrome115', 'firefox115', 'safari16.4'],
    // The Content-Security-Policy allows no inline script and no data: URL as a script or style.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: {
      // Packages mark what runs in a browser only; here all of it does.
      checks: { moduleLevelDirective: false },
    },
  },
  server: {
    proxy: {
      '/graphql': { target: API, ws: true },
      '/app/config.json': API,
      '/app/demo-users.json': API,
      '/audit-log': API,
      '/tenant-exports': API,
    },
  },
});
