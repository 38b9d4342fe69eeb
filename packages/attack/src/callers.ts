/** The attackers and victims: given tokens, or those of the demo users of a running `npm start`. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import type { Credential } from './wire.js';

/** @param n the index of the token among those of its tenant */
export const callerOf = (token: string, tenant: 'A' | 'B', n: number): Credential => ({
  token,
  label: `${nameIn(token) ?? `token ${String(n + 1)}`} (${tenant}${String(n + 1)})`,
  variable: `TOKEN_${tenant}${String(n + 1)}`,
});

/** @param n the index of the key among the API keys of A */
export const keyOf = (token: string, n: number, label = `API key ${String(n + 1)} of A`): Credential => ({
  token,
  label,
  variable: `KEY_A${String(n + 1)}`,
});

/** The user in a token, unverified, only for printing. */
function nameIn(token: string): string | undefined {
  try {
    const [, payload = ''] = token.split('.');
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const { email, sub } = claims as { readonly email?: unknown; readonly sub?: unknown };
    return [email, sub].find((claim): claim is string => typeof claim === 'string');
  } catch {
    return undefined;
  }
}

/**
 * The endpoint of a running `npm start`: the one that it wrote into its data folder, or else the one at the port that it
 * would use.
 */
export async function demoUrl(): Promise<URL> {
  const { TENANTRY_DATA_DIR: folder = '.tenantry', PORT: port = '4000' } = process.env;
  try {
    return new URL((await readFile(join(folder, 'server-url'), 'utf8')).trim());
  } catch {
    return new URL(`http://localhost:${port}/graphql`);
  }
}

/**
 * Sends a request without credentials; any answer of HTTP will do.
 *
 * @throws Error when nothing answers there
 */
export async function demandAnswer(url: URL): Promise<void> {
  try {
    await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ __typename }"}',
      signal: AbortSignal.timeout(ANSWERED_WITHIN_MS),
    });
  } catch (error) {
    const { cause } = error as Error;
    const reason =
      cause instanceof Error ? cause.message || String((cause as { code?: unknown }).code) : String(error);
    throw new Error(
      `No server answers at ${url.href} (${reason}). Start it with \`npm start\`, or give --url.`,
      {
        cause: error,
      },
    );
  }
}

const ANSWERED_WITHIN_MS = 30_000;

/**
 * Tokens of the demo users, like those of `npm run -s tenantry -- token`.
 *
 * @throws Error when no `npm start` runs with this data folder
 */
export async function demoTokens(): Promise<{
  readonly a: readonly string[];
  readonly b: readonly string[];
}> {
  const [owner, admin, member, viewer, victim] = await Promise.all([
    tokenOf('acme', 'owner'),
    tokenOf('acme', 'admin'),
    tokenOf('acme', 'member'),
    tokenOf('acme', 'viewer'),
    tokenOf('globex', 'owner'),
  ]);
  return { a: [owner, admin, member, viewer], b: [victim] };
}

async function tokenOf(tenant: string, role: string): Promise<string> {
  const command = [
    'run',
    '-s',
    'tenantry',
    '--',
    'token',
    '--tenant',
    tenant,
    '--user',
    `${role}@${tenant}.test`,
  ];
  try {
    return (await promisify(execFile)('npm', command)).stdout.trim();
  } catch (error) {
    const reason = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Error(`No token of the demo (give --token-a and --token-b): ${reason}`, { cause: error });
  }
}
