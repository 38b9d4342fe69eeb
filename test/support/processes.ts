/** What is asked of processes of the server and the command line: one sentence upon failure, and no request lost. */
import { expect } from 'vitest';
import { runChild, type Ended } from './child.js';

export const start = (env: Readonly<Record<string, string>>) =>
  runChild('src/main.ts', [], { PORT: '0', ...env });

/** The process failed, and said why in one sentence: no stack, no data on stdout, none of these secrets. */
export function expectSentence(ended: Ended, sentence: RegExp, ...secrets: readonly string[]): void {
  expect(ended).toMatchObject({ code: 1, signal: null, stdout: '' });
  expect(ended.stderr).toMatch(sentence);
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
  for (const secret of secrets) expect(ended.stderr).not.toContain(secret);
}
