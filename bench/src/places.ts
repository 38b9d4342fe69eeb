/** The folders and the Node binary that the benchmark uses. */
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { existsSync, readdirSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

/** The folder of the benchmark. */
export const BENCH = fileURLToPath(new URL('..', import.meta.url));

/** The built checkout of Tenantry that is measured: this one, unless TENANTRY_ROOT names another. */
export const TENANTRY_ROOT = process.env['TENANTRY_ROOT'] ?? join(BENCH, '..');

/**
 * Imports a module of the built Tenantry.
 *
 * @param name the file's name, with as many folders as make it unique: earlier versions of Tenantry have other folders
 * @throws Error when there is no such file
 */
export async function fromTenantry<Module>(name: string, root = TENANTRY_ROOT): Promise<Module> {
  const built = join(root, 'dist');
  const paths = existsSync(built) ? readdirSync(built, { recursive: true, encoding: 'utf8' }) : [];
  const path = paths.find((each) => basename(each) === name || each.endsWith(`/${name}`));
  if (path === undefined) throw new Error(`${built} has no ${name}: build Tenantry first (npm run build).`);
  return (await import(pathToFileURL(join(built, path)).href)) as Module;
}

const NEWEST_SUPPORTED = 24;

/**
 * The Node that runs all contestants: the current one when it is new enough, otherwise the one among the dependencies.
 */
export function nodeBinary(): string {
  if (Number(process.versions.node.split('.', 1)[0]) >= NEWEST_SUPPORTED) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/node`);
  } catch {
    throw new Error(
      `The benchmark runs on Node ${NEWEST_SUPPORTED}, and there is no package ${name}: install it.`,
    );
  }
}

export const nodeVersion = (): string =>
  execFileSync(nodeBinary(), ['--version'], { encoding: 'utf8' }).trim();
