/** Where things are. */
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { existsSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

/** This folder. */
export const BENCH = fileURLToPath(new URL('..', import.meta.url));

/** The checkout of Tenantry that is measured, built: this one, unless TENANTRY_ROOT names another. */
export const TENANTRY_ROOT = process.env['TENANTRY_ROOT'] ?? join(BENCH, '..');

/** A module of the built Tenantry. */
export async function fromTenantry<Module>(path: string, root = TENANTRY_ROOT): Promise<Module> {
  const file = join(root, 'dist', path);
  if (!existsSync(file)) throw new Error(`${file} is missing: build Tenantry first (npm run build).`);
  return (await import(pathToFileURL(file).href)) as Module;
}

const NEWEST_SUPPORTED = 24;

/** The Node that all contestants run on: ours if it is new enough, else the one among the dependencies. */
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
