import { defineConfig } from 'vite';

/** Where `npm run dev` finds the API. */
const API = 'http://localhost:4000';

/** Two builds that share no file: the operators' is not even there where their door is closed. */
const BUILDS: Readonly<Record<string, { readonly base: string; readonly page: string }>> = {
  tenants: { base: '/app/', page: 'index.html' },
  operators: { base: '/operator/', page: 'operators.html' },
};

export default defineConfig(({ mode }) => {
  const { base, page } = BUILDS[mode] ?? BUILDS['tenants']!;
  return {
    // The server has the files below this path.
    base,
    // Replaced by the server with a new value for each page: react-aria adds styles of its own.
    html: { cspNonce: 'CSP_NONCE' },
    build: {
      outDir: `dist/${mode}`,
      // What the oldest browsers of 2023 run.
      target: ['chrome115', 'firefox115', 'safari16.4'],
      // The Content-Security-Policy allows no inline script and no data: URL as a script or style.
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      rolldownOptions: {
        input: page,
        // Packages mark what runs in a browser only; here all of it does.
        checks: { moduleLevelDirective: false },
      },
    },
    server: {
      proxy: {
        '/graphql': { target: API, ws: true },
        [`${base}config.json`]: API,
        [`${base}demo-users.json`]: API,
        '/operator/graphql': API,
        '/audit-log': API,
        '/tenant-exports': API,
      },
    },
  };
});
