/** Probes for state that a pooled connection keeps between tenants: plans and settings. */
import type { Finding } from '../finding.js';
import { BINDING_OUTLIVES_TRANSACTION, PLAN_REMEMBERS_TENANT } from './rules.js';
import type { ProbeSession } from './session.js';
import type { Target } from './targets.js';

/**
 * P05: a statement prepared and planned under the first tenant, executed under the second. The session uses only
 * generic plans (`GENERIC_PLANS`), as PostgreSQL does from the sixth execution on.
 */
export async function probePlans(
  session: ProbeSession,
  targets: readonly Target[],
  [first, second]: readonly [string, string],
): Promise<Finding[]> {
  const owned = targets.flatMap(({ relation, tenantColumn }, index) =>
    tenantColumn === undefined
      ? []
      : [
          {
            relation,
            statement: {
              name: `tenantry_probe_${String(index)}`,
              text: `SELECT ${tenantColumn}::text AS tenant FROM ${relation.qualified} WHERE ${tenantColumn}::text <> $1 LIMIT 1`,
            },
          },
        ],
  );
  const foreignAs = (tenant: string): Promise<ReadonlySet<string>> =>
    session.asTenant(tenant, async (ask) => {
      const showing = new Set<string>();
      for (const { relation, statement } of owned) {
        const answer = await ask<{ tenant: string }>(statement, [tenant]);
        if ('rows' in answer && answer.rows.length > 0) showing.add(relation.qualified);
      }
      return showing;
    });
  const before = await foreignAs(first);
  const after = await foreignAs(second);
  // P01 reports rows that the first tenant can already see.
  return owned
    .filter(({ relation }) => after.has(relation.qualified) && !before.has(relation.qualified))
    .map(({ relation }) => ({
      rule: PLAN_REMEMBERS_TENANT,
      object: relation.qualified,
      evidence: `a statement prepared as tenant ${first} and executed as tenant ${second} shows rows that are not the latter’s`,
      advice:
        'Make the function that reads the tenant STABLE: an IMMUTABLE one is evaluated when the plan is made.',
    }));
}

/** P06: the settings after a bound transaction has been committed. */
export async function probeAfterCommit(
  session: ProbeSession,
  tenantSettings: readonly string[],
  tenant: string,
): Promise<Finding[]> {
  await session.commitAsTenant(tenant);
  return session.withoutTenant(async (ask) => {
    const findings: Finding[] = [];
    for (const name of tenantSettings) {
      const answer = await ask<{ value: string | null }>('SELECT current_setting($1, true) AS value', [name]);
      const value = 'rows' in answer ? (answer.rows[0]?.value ?? '') : '';
      if (value === '') continue;
      findings.push({
        rule: BINDING_OUTLIVES_TRANSACTION,
        object: name,
        evidence: `after COMMIT, ${name} is still ${value === tenant ? `tenant ${tenant}` : 'set, though not to what was bound'}`,
        advice:
          'Bind with SET LOCAL or set_config(…, true), and take the setting’s default from the role and the database.',
      });
    }
    return findings;
  });
}
