/**
 * Compiles the server, the command line and the packages to JavaScript, as in production. A process that compiles
 * TypeScript itself needs more than half of its start for that.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync, version } from 'esbuild';
import ts from 'typescript';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const KEPT = join(repository, 'node_modules/.cache/tenantry-tests');
/** The server builds the dashboard from its source when it is asked for. */
const DASHBOARD = 'packages/dashboard';

let folder: string | undefined;

/**
 * Returns the JavaScript of a TypeScript file of src/. The first call for these sources compiles all of them.
 *
 * @param script the file's path in the repository: `src/main.ts`
 */
export function compiled(script: string): string {
  folder ??= compileAll();
  return join(folder, asJavaScript(script));
}

const asJavaScript = (path: string): string => path.replace(/\.ts$/, '.js');

function compileAll(): string {
  const files = sources();
  // With the repository, to whose files it has links: copies of it may share node_modules.
  const hash = createHash('sha256').update(version).update(repository);
  for (const file of ['tsconfig.json', 'test/support/compiled.ts', ...files]) {
    hash.update(`\0${file}\0`).update(readFileSync(join(repository, file)));
  }
  const target = join(KEPT, hash.digest('hex').slice(0, 32));
  if (existsSync(target)) return target;

  // The folder is renamed when it is complete, because several processes may compile at the same time.
  const draft = `${target}.${String(process.pid)}`;
  const packages = packagesByName();
  const { outputFiles } = buildSync({
    absWorkingDir: repository,
    entryPoints: files.filter((file) => file.endsWith('.ts')),
    outbase: repository,
    outdir: draft,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    write: false,
  });
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, withPackages(text, dirname(relative(draft, path)), packages));
  }
  for (const file of files.filter((each) => !each.endsWith('.ts'))) {
    copyFileSync(join(repository, file), join(draft, file));
  }
  // Other files that the sources read at run time.
  const manifests = readdirSync(join(draft, 'packages')).map((name) => `packages/${name}/package.json`);
  for (const name of ['node_modules', 'prisma', 'package.json', DASHBOARD, ...manifests]) {
    symlinkSync(join(repository, name), join(draft, name));
  }
  try {
    renameSync(draft, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
    rmSync(draft, { recursive: true });
  }
  return target;
}

/** The files of src/ and of the sources of packages that the server runs, in a fixed order. */
function sources(): string[] {
  const packages = readdirSync(join(repository, 'packages'))
    .map((name) => `packages/${name}`)
    .filter((path) => path !== DASHBOARD)
    .map((path) => `${path}/src`);
  return ['src', ...packages]
    .filter((each) => existsSync(join(repository, each)))
    .flatMap((each) =>
      readdirSync(join(repository, each), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.d.ts'))
        .map((entry) => relative(repository, join(entry.parentPath, entry.name))),
    )
    .sort();
}

/** The paths of the packages' sources by the names under which they are imported. */
function packagesByName(): ReadonlyMap<string, string> {
  const { config } = ts.readConfigFile(join(repository, 'tsconfig.json'), (path) =>
    readFileSync(path, 'utf8'),
  ) as {
    config: { compilerOptions: { paths: Readonly<Record<string, readonly string[]>> } };
  };
  return new Map(Object.entries(config.compilerOptions.paths).map(([name, [source = '']]) => [name, source]));
}

function withPackages(text: string, from: string, packages: ReadonlyMap<string, string>): string {
  return text.replace(/\b(from |import\()"([^".][^"]*)"/g, (whole, before: string, name: string) => {
    const source = packages.get(name);
    if (source === undefined) return whole;
    const path = relative(from, asJavaScript(source));
    return `${before}"${path.startsWith('.') ? path : `./${path}`}"`;
  });
}
