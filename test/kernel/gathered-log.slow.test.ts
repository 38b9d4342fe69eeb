/** Proves that lines of the log which are written together are neither lost nor out of order. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { expect, test } from 'vitest';
import { until } from '../support/until.js';

/** For a process that logs in production. */
const argumentsFor = (program: string): string[] => [
  '--import',
  'tsx',
  '--input-type=module',
  '--eval',
  `import { pino } from 'pino';
   import { loggerOptions } from './src/http/logging.ts';
   const { stream, ...options } = loggerOptions({ logLevel: 'info', production: true });
   const log = pino(options, stream);
   ${program}`,
];

const messagesIn = (written: string): string[] =>
  written
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { readonly msg: string }).msg);

/** What such a process writes until it ends. */
const writtenBy = (program: string): string[] =>
  messagesIn(spawnSync(process.execPath, argumentsFor(program), { encoding: 'utf8' }).stdout);

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

test('a line is written a moment later when no other follows', async () => {
  const child = spawn(
    process.execPath,
    argumentsFor("log.info('alone'); setInterval(() => undefined, 1_000);"),
  );
  let written = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written += text));
  try {
    await until('it is written', () => written.endsWith('\n'));
    expect(messagesIn(written)).toEqual(['alone']);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
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
