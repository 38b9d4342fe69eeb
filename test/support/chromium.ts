/** A real browser, Chromium, for tests of pages: fresh each time, and with nothing of its own to say to the network. */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { chromium, type Browser } from 'playwright-core';

const executable = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/**
 * Whether to leave out the tests that need Chromium: where it is not installed, and says so. Never in CI, where they
 * fail instead.
 */
export function withoutChromium(): boolean {
  const installed = spawnSync(executable, ['--version']).error === undefined;
  if (installed || process.env['CI'] !== undefined) return false;
  process.stderr.write('Chromium is not installed, so its tests are left out: apt-get install chromium\n');
  return true;
}

/**
 * Starts one with a profile of its own, which goes when it is closed.
 *
 * @throws Error when Chromium is not installed or does not start
 */
export const startChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: executable,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // No name leads anywhere: what a page would load from elsewhere is missing.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
