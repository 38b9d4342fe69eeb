/** Relay's compiler and its runtime, as an application has them: documents in a file, artifacts beside it. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import {
  Environment,
  Network,
  RecordSource,
  Store,
  type ConcreteRequest,
  type GraphQLResponse,
} from 'relay-runtime';
import type { TestClient } from './server.js';

const require = createRequire(import.meta.url);
const COMPILER = join(dirname(require.resolve('relay-compiler/package.json')), 'cli.js');

/** Scalars of the API in the types that the compiler writes. */
const SCALARS = { DateTime: 'string', JSONObject: 'Record<string, unknown>' };

export interface Compiled {
  /** The names of the compiled queries, mutations and fragments, sorted. */
  readonly names: readonly string[];
  /** A compiled operation. */
  operation(name: string): ConcreteRequest;
  dispose(): void;
}

/**
 * Compiles documents against a schema.
 *
 * @param module the name of their file, with which all their names must begin
 * @throws Error with what the compiler says when it refuses one
 */
export async function compileForRelay(
  sdl: string,
  module: string,
  documents: readonly string[],
): Promise<Compiled> {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-relay-'));
  const dispose = () => rmSync(folder, { recursive: true, force: true });
  const artifacts = join(folder, 'src', '__generated__');
  mkdirSync(artifacts, { recursive: true });
  writeFileSync(join(folder, 'schema.graphql'), sdl);
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }');
  const tagged = documents.map((document) => `graphql\`${document}\`;\n`);
  writeFileSync(join(folder, 'src', `${module}.js`), tagged.join(''));
  const config = {
    src: './src',
    schema: './schema.graphql',
    language: 'javascript',
    eagerEsModules: false,
    artifactDirectory: './src/__generated__',
    customScalarTypes: SCALARS,
  };
  writeFileSync(join(folder, 'relay.config.json'), JSON.stringify(config));
  try {
    await promisify(execFile)(process.execPath, [COMPILER, 'relay.config.json'], { cwd: folder });
  } catch (error) {
    dispose();
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(stripVTControlCharacters(stdout + stderr), { cause: error });
  }
  return {
    names: readdirSync(artifacts)
      .map((file) => file.replace(/\.graphql\.js$/, ''))
      .sort(),
    operation: (name) => require(join(artifacts, `${name}.graphql.js`)) as ConcreteRequest,
    dispose,
  };
}

/** A Relay environment of one user. */
export const relayEnvironment = (client: TestClient): Environment =>
  new Environment({
    network: Network.create(async ({ text }, variables) => {
      const { data, errors } = await client.query(text!, variables);
      return { data, ...(errors.length > 0 && { errors }) } as unknown as GraphQLResponse;
    }),
    store: new Store(new RecordSource()),
  });
