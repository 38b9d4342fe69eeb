/**
 * Prints the failed and skipped tests of a JSON report of Vitest: `node scripts/print-failures.mjs REPORT`. CI calls it
 * at its end, because readers often see only the last lines of its output.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import process from 'node:process';

const MOST_LINES = 12;

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
for (const file of report.testResults) {
  const path = relative(process.cwd(), file.name);
  const notPassed = file.assertionResults.filter(({ status }) => status !== 'passed');
  // The file itself failed: in a hook, or because it could not be imported.
  if (file.status === 'failed' && notPassed.length === 0) print(path, file.message);
  for (const { fullName, status, failureMessages } of notPassed) {
    print(`${path}: ${fullName} (${status})`, failureMessages.join('\n'));
  }
}

function print(title, message) {
  console.log(title);
  for (const line of message.split('\n').slice(0, MOST_LINES)) console.log(`    ${line}`);
}
