/** Proves that lines of the log which are written together are neither lost nor out of order. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** What a process writes that logs in production, and then ends. */
function writtenBy(program: string): string[] {
  const { stdout } = spawnSync(
    process.execPath,
    [
      '--import',
      'tsx',
      '--input-type=module',
      '--eval',
      `import { pino } from 'pino';
       import { loggerOptions } from './src/http/logging.ts';
       const { stream, ...options } = loggerOptions({ logLevel: 'info', production: true });
       const log = pino(options, stream);
       ${program}`,
    ],
    { encoding: 'utf8' },
  );
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { readonly msg: string }).msg);
}

test('all lines are there when the process ends, in their order', () => {
  const lines = writtenBy(
    `for (let each = 0; each < 100; each++) log.info('line ' + each);
     process.exit(0);`,
  );
  expect(lines).toEqual(Array.from({ length: 100 }, (_, each) => `line ${String(each)}`));
});

test('also when nothing caught its error', () => {
  expect(writtenBy(`log.info('before'); throw new Error('nobody catches it');`)).toEqual(['before']);
});

test('a warning and what was before it are written at once: the process may be killed', () => {
  const lines = writtenBy(
    `log.info('before');
     log.warn('a warning');
     process.kill(process.pid, 'SIGKILL');`,
  );
  expect(lines).toEqual(['before', 'a warning']);
});

test('a line is written a moment later when no other follows', () => {
  const lines = writtenBy(
    `log.info('alone');
     setTimeout(() => process.kill(process.pid, 'SIGKILL'), 2_000);`,
  );
  expect(lines).toEqual(['alone']);
});

test('no line waits for the disk', () => {
  const lines = writtenBy(
    `const { default: fs } = await import('node:fs');
     let waits = 0;
     fs.fsyncSync = () => void waits++;
     log.warn('a warning');
     log.info('alone');
     setTimeout(() => { log.info(waits + ' waits'); process.exit(0); }, 500);`,
  );
  expect(lines).toEqual(['a warning', 'alone', '0 waits']);
});
