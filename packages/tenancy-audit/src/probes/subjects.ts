/**
 * Finds users to bind as, where policies let the members of a tenant in: one who is a member of the first tenant and
 * not of the second, and the reverse.
 */
import type { Catalog, Relation } from '../catalog.js';
import type { AuditSettings } from '../rule.js';
import { quoteName } from '../sql-text.js';
import { isAudited, isTable, tenantColumnOf, tenantTables } from '../tenancy.js';
import type { Ask } from './session.js';

const USER = /^(user|member|profile|person|auth_user|users)_?(id|uid|uuid)?$/i;
const NAMED_FOR_MEMBERS =
  /member|team_user|users?_(role|org|team|tenant|account)|(org|team|tenant|account|workspace)_users?/i;

/** @returns by tenant; empty when there is no membership table, so that a tenant is bound by itself */
export async function findSubjects(
  catalog: Catalog,
  settings: AuditSettings,
  ask: Ask,
  [one, other]: readonly [string, string],
): Promise<ReadonlyMap<string, string>> {
  const subjects = new Map<string, string>();
  for (const { table, tenant, user } of memberships(catalog, settings)) {
    for (const [wanted, without] of [
      [one, other],
      [other, one],
    ] as const) {
      if (subjects.has(wanted)) continue;
      const answer = await ask<{ subject: string }>(
        `SELECT m.${user}::text AS subject FROM ${table} m WHERE m.${tenant}::text = $1 AND m.${user} IS NOT NULL
           AND NOT EXISTS (SELECT FROM ${table} o WHERE o.${user} = m.${user} AND o.${tenant}::text = $2) LIMIT 1`,
        [wanted, without],
      );
      const subject = 'rows' in answer ? answer.rows[0]?.subject : undefined;
      if (subject !== undefined) subjects.set(wanted, subject);
    }
  }
  return subjects;
}

/** Tables that tie users to tenants: those that policies look into first. */
function memberships(
  catalog: Catalog,
  settings: AuditSettings,
): readonly { readonly table: string; readonly tenant: string; readonly user: string }[] {
  // If each user is a tenant, the tenant is the subject.
  if (settings.tenantColumns.some((name) => USER.test(name))) return [];
  const read = new Set(
    tenantTables(catalog, settings).flatMap(({ table }) => table.policies.flatMap(({ reads }) => reads)),
  );
  const rank = (table: Relation): number =>
    (read.has(table.oid) ? 0 : 2) + (NAMED_FOR_MEMBERS.test(table.name) ? 0 : 1);
  return catalog.relations
    .flatMap((table) => {
      const tenant =
        isTable(table) && isAudited(table, settings) ? tenantColumnOf(table, settings) : undefined;
      const user = table.columns.find(({ name }) => USER.test(name));
      if (!tenant || !user || (!read.has(table.oid) && !NAMED_FOR_MEMBERS.test(table.name))) return [];
      return [{ table, tenant, user }];
    })
    .sort((a, b) => rank(a.table) - rank(b.table))
    .map(({ table, tenant, user }) => ({
      table: table.qualified,
      tenant: quoteName(tenant.name),
      user: quoteName(user.name),
    }));
}
