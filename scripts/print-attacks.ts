/** Writes docs/attack-table.md from the attacks that the tests run. */
import { writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { modules } from '../src/modules.js';
import type { AttackSection } from '../test/support/attack.js';
import { attacksOnModules } from '../test/support/platform-attacks.js';

const HEAD = `# Attack table

<!-- Generated from test/support/platform-attacks.ts and test/support/role-attacks.ts by \`npm run generate\`. Do not edit. -->

What has been tried on a running server, set up as in production, and what it answered: the status, and the code of the
error ([errors.md](errors.md)). Each line is a test (\`test/platform/attacks.test.ts\`, \`test/example/attacks.test.ts\`),
which also checks that the answer tells nothing else and that no row of the tenant has changed. The limits are those of
[hardening.md](hardening.md). What one tenant tries with what belongs to another is not listed here: the schema gives rise to
it anew each time ([attack.md](attack.md)).
`;

const sections = attacksOnModules(modules);
const markdown = [HEAD, ...sections.map(print)].join('\n');
writeFileSync(
  new URL('../docs/attack-table.md', import.meta.url),
  await format(markdown, { parser: 'markdown' }),
);

function print({ title, about, attacks }: AttackSection): string {
  const rows = attacks.map(
    ({ on, attack, status, code }) =>
      `| \`${on}\` | ${attack.replaceAll('|', '\\|')} | ${status} | \`${code}\` |`,
  );
  return `## ${title}\n\n${about}\n\n| operation | attack | status | answer |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}
