/**
 * Checks for processes of the server and the command line: a failure is reported in one sentence, and no request is
 * lost.
 */
import { expect } from 'vitest';
import { runChild, type Ended } from './child.js';

export const start = (env: Readonly<Record<string, string>>) =>
  runChild('src/main.ts', [], { PORT: '0', ...env });

/**
 * Requires that the process failed and printed only this sentence: no stack, nothing on stdout, and none of these
 * secrets.
 */
export function expectSentence(ended: Ended, sentence: RegExp, ...secrets: readonly string[]): void {
  expect(ended).toMatchObject({ code: 1, signal: null, stdout: '' });
  expect(ended.stderr).toMatch(sentence);
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
  for (const secret of secrets) expect(ended.stderr).not.toContain(secret);
}
