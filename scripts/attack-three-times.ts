/**
 * Runs `tenantry-attack --write` three times against one started server, as a user would: the second and the third run find
 * what the earlier ones left in both tenants, and must say the same as the first.
 *
 *   npx tsx scripts/attack-three-times.ts
 *
 * Exits with 1 when a run finds a breach, leaves something unattacked, or says another thing than the first.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import type { Report } from 'tenantry-attack';
import { NOT_ATTACKED, SAME_DAYS } from '../test/attack-declarations.js';

const RUNS = 3;

const folder = await mkdtemp(join(tmpdir(), 'tenantry-attack-'));
const env = { ...process.env, TENANTRY_DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'warn' };

/** The rows of a table, so that two reports can be compared. */
const verdictOf = ({ breaches, notAttacked }: Report): string =>
  [
    ...breaches.map(({ attack, breach, at, as }) => `BREACH ${breach} (${attack}) at ${at} as ${as}`),
    ...notAttacked.map((each) => `NOT ATTACKED ${each}`),
  ].join('\n');

async function attackOnce(run: number): Promise<Report> {
  const declared = [...NOT_ATTACKED, ...SAME_DAYS].flatMap((name) => ['--not-attacked', name]);
  const args = ['--import', 'tsx', 'packages/attack/src/main.ts', '--write', '--json', ...declared];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (output === '') throw new Error(`Run ${String(run)} could not attack.`);
  const report = JSON.parse(output) as Report;
  const { requests, seconds, breaches, notAttacked, searchedFor, withoutEffect, notChecked } = report;
  process.stdout.write(
    `run ${String(run)}: ${String(breaches.length)} breaches, ${String(notAttacked.length)} not attacked, ` +
      `${String(requests)} requests in ${seconds.toFixed(0)} s, searched for ${String(searchedFor)} values\n` +
      `  without effect: ${withoutEffect.join(', ')}\n${notChecked.map((each) => `  not checked: ${each}\n`).join('')}`,
  );
  for (const { evidence, at, sent = '' } of breaches) {
    process.stdout.write(`  BREACH at ${at} ${sent}\n    ${evidence}\n`);
  }
  return report;
}

const server = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  await new Promise<void>((resolve, reject) => {
    server.stdout.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('Tenantry is running')) resolve();
    });
    server.on('close', () => reject(new Error('The server ended.')));
  });
  const verdicts: string[] = [];
  for (let run = 1; run <= RUNS; run += 1) verdicts.push(verdictOf(await attackOnce(run)));
  const [first = ''] = verdicts;
  for (const [n, verdict] of verdicts.entries()) {
    if (verdict !== '') process.stdout.write(`\nRun ${String(n + 1)}:\n${verdict}\n`);
    if (verdict !== first) process.stdout.write(`Run ${String(n + 1)} says another thing than the first.\n`);
  }
  const isClean = verdicts.every((verdict) => verdict === '');
  process.stdout.write(isClean ? 'The three runs say the same: no breach.\n' : 'Not clean.\n');
  process.exitCode = isClean ? 0 : 1;
} finally {
  const ended = once(server, 'close');
  server.kill('SIGTERM');
  await ended;
  await rm(folder, { recursive: true, force: true });
}
