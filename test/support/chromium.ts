/** Starts Chromium for tests of pages. Each browser has a new profile and makes no requests of its own. */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { chromium, type Browser } from 'playwright-core';

const executable = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/**
 * Whether to skip the tests that need Chromium: when it is not installed, with a message. Never in CI, where they fail
 * instead.
 */
export function withoutChromium(): boolean {
  const installed = spawnSync(executable, ['--version']).error === undefined;
  if (installed || process.env['CI'] !== undefined) return false;
  process.stderr.write('Chromium is not installed, so its tests are left out: apt-get install chromium\n');
  return true;
}

/**
 * Starts a browser with a new profile, which is removed when the browser is closed.
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
      // No host name resolves, so a page that needs another host is incomplete.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
