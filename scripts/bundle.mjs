/**
 * Bundles the server with the packages that it loads at its start into a few files, dist/main.js and dist/bundle, because
 * Node needs most of the start to find and read two thousand. The compiler has run before: dist/serve.js and the modules
 * of the server stay, for the commands.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { build } from 'esbuild';

const dist = resolve('dist');
const entry = resolve(dist, 'main.js');
const bundle = resolve(dist, 'bundle');

/** The server's modules find their files from where they would be without the bundle. */
const ownModules = {
  name: 'own-modules',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (!path.startsWith(dist) || path === entry) return undefined;
      const name = JSON.stringify(relative(bundle, path).replaceAll('\\', '/'));
      const contents = readFileSync(path, 'utf8')
        .replaceAll('createRequire(import.meta.url)(', 'require(')
        // The same, but without what the server does not use: the messages in forty languages.
        .replace("import { z } from 'zod'", "import * as z from 'zod'")
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

/**
 * These packages are loaded in two builds, or in that of CommonJS, whose exports an ES module would read through
 * functions. One build, that of ES modules, is enough, and graphql must not be there twice.
 */
const oneBuild = {
  name: 'one-build',
  setup({ onResolve, resolve: find }) {
    onResolve({ filter: /^graphql($|\/)/ }, ({ path, resolveDir }) => {
      const commonJs = createRequire(resolve(resolveDir, 'importer.js')).resolve(path);
      return { path: commonJs.replace(/\.js$/, '.mjs') };
    });
    onResolve({ filter: /^@graphql-tools\// }, ({ path, kind, resolveDir }) =>
      kind === 'require-call' ? find(path, { kind: 'import-statement', resolveDir }) : undefined,
    );
  },
};

/** Leaves out packages that others load only for functions that the server does not call. Such a call would fail. */
const unused = {
  name: 'unused',
  setup({ onResolve, onLoad }) {
    const packages = {
      // The serializers for a query, which need a validator of JSON schemas.
      'fast-json-stringify': '/graphql-jit/',
      // Of applyMiddleware.
      '@graphql-tools/schema': '/graphql-middleware/',
      // Of inputRule.
      yup: '/graphql-shield/',
    };
    onResolve({ filter: new RegExp(`^(${Object.keys(packages).join('|')})$`) }, ({ path, importer }) =>
      importer.replaceAll('\\', '/').includes(packages[path]) ? { path, namespace: 'unused' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {}' }));
  },
};

/** Apollo Server hashes each document, in JavaScript where it does not find the `require` of a module in CommonJS. */
const hash = {
  name: 'hash',
  setup({ onLoad }) {
    onLoad({ filter: /@apollo\/utils\.createhash\/dist\/index\.js$/ }, () => ({
      contents: "exports.createHash = (kind) => require('node:crypto').createHash(kind)",
    }));
  },
};

/**
 * An import of node:http reads all that the module exports, and so loads the WebSocket client of Node. esbuild writes the
 * namespace before the names of sources in the source map. With the namespace `http` such a name is no valid URL, and Node
 * ignores the whole map.
 */
const http = {
  name: 'http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?https?$/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'of-node' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'of-node' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }));
  },
};

const { outputFiles } = await build({
  entryPoints: { main: entry, 'bundle/serve': resolve(dist, 'serve.js') },
  outdir: dist,
  allowOverwrite: true,
  chunkNames: 'bundle/[name]-[hash]',
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
  plugins: [ownModules, onDemand, unused, oneBuild, hash, http],
  write: false,
});

/** Node ignores a source map when one of its sources is no valid URL, so this throws. */
for (const { path, text } of outputFiles) {
  if (path.endsWith('.map')) for (const source of JSON.parse(text).sources) new URL(source, 'file:///');
}

for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true });
  // With any other character, V8 keeps two bytes for each of the file.
  const ascii = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  writeFileSync(path, path.endsWith('.js') ? text.replace(/[^\0-\x7f]/g, ascii) : text);
}
