/** Proves that exactly the names of the application's tables get the schema of a tenant, and that nothing doubtful is sent. */
import { describe, expect, test } from 'vitest';
import { splitterFor, UnplacedStatementError } from '../../src/kernel/database/schemas/placed-sql.js';

const split = splitterFor(new Set(['conversations', 'Odd "Name"', 'a.b']));
const placed = (sql: string) => split(sql).join('<own>');

describe('The schema takes the place of public', () => {
  test.each([
    [
      'SELECT "public"."conversations"."id" FROM "public"."conversations" WHERE "public"."conversations"."id" = $1',
      'SELECT <own>."conversations"."id" FROM <own>."conversations" WHERE <own>."conversations"."id" = $1',
    ],
    ['SELECT 1 FROM public.conversations c', 'SELECT 1 FROM <own>.conversations c'],
    ['SELECT 1 FROM PUBLIC . Conversations', 'SELECT 1 FROM <own> . Conversations'],
    [
      'SELECT 1 FROM public/* a /* b */ c */.--x\nconversations',
      'SELECT 1 FROM <own>/* a /* b */ c */.--x\nconversations',
    ],
    ['SELECT 1 FROM "public"."Odd ""Name"""', 'SELECT 1 FROM <own>."Odd ""Name"""'],
    ['SELECT 1 FROM "public"."a.b"', 'SELECT 1 FROM <own>."a.b"'],
    [
      "INSERT INTO public.conversations SELECT E'\\'' FROM public.conversations",
      "INSERT INTO <own>.conversations SELECT E'\\'' FROM <own>.conversations",
    ],
  ])('in %s', (sql, expected) => {
    expect(placed(sql)).toBe(expected);
  });
});

describe('Nothing else is changed', () => {
  test.each([
    'SELECT 1 FROM "public"."memberships" JOIN public.tenants ON true',
    'SELECT 1 FROM conversations',
    'SELECT public FROM conversations',
    'SELECT 1 FROM "Public"."conversations"',
    'SELECT 1 FROM public."Conversations"',
    'SELECT 1 FROM public.conversations_of_old',
    'SELECT CAST($1 AS "public"."Status")',
    "SELECT 'public' , 'conversations'",
    'SELECT 1 FROM tenantry.conversations',
    'SELECT $1, $2 FROM "conversations" -- public.conversations',
    'SELECT 1 /* FROM public.conversations */',
    'SELECT public . x . conversations',
  ])('in %s', (sql) => {
    expect(placed(sql)).toBe(sql);
  });
});

describe('What is not understood is refused', () => {
  test.each([
    ['a name in a literal', "SELECT 'public.conversations'::regclass"],
    ['a quoted name in a literal', `SELECT to_regclass('"public"."conversations"')`],
    ['a name in a literal with spaces', "SELECT to_regclass('PUBLIC . Conversations')"],
    ['a name in a body', 'DO $$ BEGIN DELETE FROM public.conversations; END $$'],
    ['a name in a tagged body', 'DO $x$ BEGIN DELETE FROM public.conversations; END $x$'],
    ['a name behind a database', 'SELECT 1 FROM test.public.conversations'],
    ['a name with escapes', 'SELECT 1 FROM U&"\\0070ublic"."conversations"'],
    ['a name with escapes in lower case', 'SELECT 1 FROM public.u&"c\\006fnversations"'],
    ['the schema of a tenant', 'SELECT 1 FROM tenant_0197000000007000800000000000000a.conversations'],
    [
      'the quoted schema of a tenant',
      'SELECT 1 FROM "tenant_0197000000007000800000000000000a"."memberships"',
    ],
    [
      'the schema of a tenant in a block',
      'DO $$ BEGIN DELETE FROM tenant_0197000000007000800000000000000a.conversations; END $$',
    ],
    ['a literal without an end', "SELECT 'x"],
    ['a name without an end', 'SELECT "x'],
    ['a comment without an end', 'SELECT /* x'],
  ])('%s', (_what, sql) => {
    expect(() => split(sql)).toThrow(UnplacedStatementError);
  });
});
