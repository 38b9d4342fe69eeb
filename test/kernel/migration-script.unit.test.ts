/** Proves that a generated migration that drops a table also drops what the kernel created for it. */
import { expect, test } from 'vitest';
import { completeScript } from '../../src/kernel/database/migration/script.js';

test('a dropped table takes the function of its search with it', () => {
  const script = completeScript(
    '-- DropTable\nDROP TABLE "notes";\n\n-- DropTable\nDROP TABLE "Odd Name";\n',
    [],
  );
  expect(script).toMatch(/^-- WARNING: this loses or rewrites data/);
  expect(script).toContain('\nDROP FUNCTION IF EXISTS tenantry.candidates_of_notes(text);\n');
  expect(script).toContain('\nDROP FUNCTION IF EXISTS tenantry."candidates_of_Odd Name"(text);\n');
});

test('a migration that drops no table is left as it is', () => {
  expect(completeScript('CREATE INDEX "i" ON "notes"("text");', [])).toBe(
    'CREATE INDEX "i" ON "notes"("text");\n',
  );
});
