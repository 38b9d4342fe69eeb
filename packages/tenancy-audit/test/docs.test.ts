/** docs/tenantry-audit.md has a row for every rule and every option of the command, and no other rows. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { auditCommand } from '../src/command.js';
import { ALL_RULES } from '../src/all-rules.js';

const page = readFileSync(new URL('../../../docs/tenantry-audit.md', import.meta.url), 'utf8');

test('every rule is in the tables, with its severity and its title', () => {
  const rows = [...page.matchAll(/^\| ([TPSC]\d\d)\s+\| (\w+)\s+\| (.*?)\s+\|/gm)].map(
    ([, ...cells]) => cells,
  );
  expect(rows).toEqual(ALL_RULES.map(({ id, severity, title }) => [id, severity, title]));
  expect(page).toContain(
    `holds ${String(ALL_RULES.filter(({ id }) => id.startsWith('T')).length)} rules against it`,
  );
});

test('every option is in the table', () => {
  const named = new Set(
    [...page.matchAll(/^\| `(?:URL`, or `)?(--.*?)\s*\|/gm)].flatMap(
      ([row]) => row.match(/--[a-z-]+/g) ?? [],
    ),
  );
  const options = auditCommand('tenantry-audit').options.map(({ long }) => long ?? '');
  expect([...named].sort()).toEqual([...options].sort());
});
