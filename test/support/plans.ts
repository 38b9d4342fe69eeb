import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import type { Plan } from '../../src/kernel/vocabulary/plan.js';
import { readPlans } from '../../src/services/limits/plans.js';
import type { TestDatabase } from './database.js';
import { TEST_SECRET } from './signing.js';
import { addMember, createTestTenant } from './tenant-fixtures.js';

/** Plans with limits that no test reaches by chance: tests send many requests quickly. Tests of the limits have their own. */
export const LARGE_PLANS_FILE = fileURLToPath(new URL('plans.json', import.meta.url));

/** A plan of that file, with other limits where `changed` has some. */
export const largePlan = (changed: Partial<Plan> = {}): Plan => ({
  ...readPlans(LARGE_PLANS_FILE).smallest,
  ...changed,
});

/** Writes a plans file for the tests of this file, of these changes to a large plan; call it at the top level. */
export function usePlansFile(...plans: readonly (Partial<Plan> & Pick<Plan, 'name'>)[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-plans-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'plans.json');
  writeFileSync(path, JSON.stringify({ plans: plans.map(largePlan) }));
  return path;
}

/** A tenant of a test's own with a plan, and the tokens of its owner and of a member. */
export async function tenantWithPlan(database: TestDatabase, plan: string) {
  const slug = `t-${randomUUID().slice(0, 8)}`;
  const { id } = await createTestTenant(database, slug);
  await database.asSuperuser('UPDATE tenants SET plan = $2 WHERE id = $1', [id, plan]);
  const member = { slug, userId: `member|${slug}`, email: `member@${slug}.test`, role: 'member' };
  await addMember(database, member);
  const tokenOf = (userId: string, email: string) =>
    issueToken(
      { userId, email, tenantId: slug },
      { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
      3_600,
    );
  return {
    id,
    slug,
    owner: tokenOf(`owner|${slug}`, `owner@${slug}.test`),
    member: tokenOf(member.userId, member.email),
  };
}
