/**
 * Does what a frontend project does with the schema: generates code for operations and type-checks the code that uses
 * it.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate } from '@graphql-codegen/cli';
import ts from 'typescript';

/** The folder in which the generated files would be, for the resolution of packages. Nothing is written to it. */
const FRONTEND = fileURLToPath(new URL('../frontend', import.meta.url));

/** Files of a frontend project by path. */
export type Files = Readonly<Record<string, string>>;

/**
 * Generates code for an operation with the client preset of graphql-codegen (`gql/graphql.ts` and others), and the
 * manifest of its documents, `gql/persisted-documents.json`.
 *
 * @throws Error when the operation does not fit the schema
 */
export async function generateClient(sdl: string, operations: string): Promise<Files> {
  const generated = (await generate(
    {
      silent: true,
      errorsOnly: true,
      schema: sdl,
      documents: operations,
      generates: {
        'gql/': {
          preset: 'client',
          presetConfig: { persistedDocuments: { hashAlgorithm: 'sha256' } },
          config: {
            useTypeImports: true,
            strictScalars: true,
            enumsAsTypes: true,
            scalars: {
              DateTime: 'string',
              JSONObject: 'Record<string, unknown>',
              Date: 'string',
              BigInt: 'string',
              Decimal: 'string',
              JSON: 'unknown',
              UUID: 'string',
            },
          },
        },
      },
    },
    false,
  )) as { filename: string; content: string }[];
  return Object.fromEntries(generated.map(({ filename, content }) => [filename, content]));
}

/** The errors that the TypeScript compiler reports for a frontend project. */
export function typeErrors(files: Files): string[] {
  const sources = new Map(Object.entries(files).map(([name, text]) => [join(FRONTEND, name), text]));
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const onDisk = { ...host };
  host.fileExists = (name) => sources.has(name) || onDisk.fileExists(name);
  host.readFile = (name) => sources.get(name) ?? onDisk.readFile(name);
  host.directoryExists = (name) =>
    [...sources.keys()].some((file) => file.startsWith(`${name}/`)) ||
    (onDisk.directoryExists?.(name) ?? true);
  host.getSourceFile = (name, version, ...rest) => {
    const text = sources.get(name);
    return text === undefined
      ? onDisk.getSourceFile(name, version, ...rest)
      : ts.createSourceFile(name, text, version);
  };
  const roots = [...sources.keys()].filter((name) => name.endsWith('.ts'));
  return ts
    .getPreEmitDiagnostics(ts.createProgram(roots, options, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
