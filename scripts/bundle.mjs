/**
 * Bundles the server with the packages that it loads at its start into a few files, dist/main.js and dist/chunks, because
 * Node needs most of the start to find and read two thousand. The compiler has run before: dist/serve.js and the modules
 * of the server stay, for the commands.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { build } from 'esbuild';

const dist = resolve('dist');
const entry = resolve(dist, 'main.js');

/** The server's modules find their files from where they would be without the bundle. */
const ownModules = {
  name: 'own-modules',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (!path.startsWith(dist) || path === entry) return undefined;
      const name = JSON.stringify(relative(resolve(dist, 'chunks'), path).replaceAll('\\', '/'));
      const contents = readFileSync(path, 'utf8')
        .replaceAll('createRequire(import.meta.url)(', 'require(')
        .replaceAll('import.meta.url', `new URL(${name}, import.meta.url).href`);
      return { contents, resolveDir: dirname(path) };
    });
  },
};

/** Packages that are loaded when they are needed stay in node_modules. */
const onDemand = {
  name: 'on-demand',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { external: true } : undefined,
    );
  },
};

/** These packages load each other in two builds. One is enough. */
const oneBuild = {
  name: 'one-build',
  setup({ onResolve }) {
    onResolve({ filter: /^@graphql-tools\// }, ({ path, importer }) => ({
      path: createRequire(importer).resolve(path),
    }));
  },
};

/** An import of node:http reads all that the module exports, and so loads the WebSocket client of Node. */
const http = {
  name: 'http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?https?$/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'http' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'http' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }));
  },
};

await build({
  entryPoints: [entry],
  outdir: dist,
  allowOverwrite: true,
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'linked',
  sourcesContent: false,
  tsconfigRaw: {},
  // Loaded only by configurations that use them.
  external: ['ioredis', 'jwks-rsa', 'nodemailer', 'pg-native', 'pino-pretty', 'rate-limiter-flexible'],
  // Packages in CommonJS load the modules of Node with `require`.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  plugins: [ownModules, onDemand, oneBuild, http],
});
