/** T28: defects of PostgreSQL that bypass row-level security. */
import type { Catalog } from '../catalog.js';
import type { Finding } from '../finding.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list } from '../sql-text.js';
import { tenantTables } from '../tenancy.js';
import { looseUniqueKey } from './keys.js';

interface Advisory {
  readonly id: string;
  readonly summary: string;
  /** The first minor release with the fix, by major version. Later major versions always have it. */
  readonly fixed: Readonly<Record<number, number>>;
  /** The source of this information. */
  readonly source: string;
  /** The reason, as text, why this database is affected; undefined when it is not. */
  readonly exposure: (catalog: Catalog, settings: AuditSettings) => string | undefined;
}

const ADVISORIES: readonly Advisory[] = [
  {
    id: 'CVE-2025-8713',
    summary: 'planner statistics show sampled values of rows that policies hide',
    fixed: { 17: 6, 16: 10, 15: 14, 14: 19, 13: 22 },
    source: 'postgresql.org/support/security/CVE-2025-8713',
    exposure: protectedTables,
  },
  {
    id: 'CVE-2024-10976',
    summary: 'a plan that was made for another role keeps that role’s policies below sub-queries',
    fixed: { 17: 1, 16: 5, 15: 9, 14: 14, 13: 17, 12: 21 },
    source: 'postgresql.org/support/security/CVE-2024-10976',
    exposure: protectedTables,
  },
  {
    id: 'CVE-2026-120154',
    summary:
      'the WHERE of INSERT … ON CONFLICT DO UPDATE is asked about a hidden row before its policies are',
    fixed: { 18: 7, 17: 12, 16: 16, 15: 20, 14: 25 },
    // Known only from this secondary source; the behaviour was reproduced on 18.4
    // (docs/tenantry-audit-code-and-probes.md).
    source: 'suse.com/security/cve/CVE-2026-120154.html, a secondary source',
    exposure: conflictingKeys,
  },
];

export const serverLacksFixes: CatalogRule = {
  id: 'T28',
  title: 'PostgreSQL lacks a fix of row-level security',
  severity: 'major',
  why: 'No policy can hold what the server itself lets through.',
  check(catalog, settings): readonly Finding[] {
    const { version } = catalog.server;
    const [major, minor] = [Math.floor(version / 10_000), version % 10_000];
    return ADVISORIES.flatMap((advisory) => {
      const { id, summary, fixed, source } = advisory;
      if (isFixed(fixed, major, minor)) return [];
      const exposure = advisory.exposure(catalog, settings);
      if (exposure === undefined) return [];
      const first = fixed[major];
      return [
        {
          rule: serverLacksFixes,
          object: id,
          evidence: `the server is ${String(major)}.${String(minor)}: ${summary} (${source}); ${exposure}`,
          advice:
            first === undefined
              ? `No release of PostgreSQL ${String(major)} has the fix: upgrade to a version that is maintained.`
              : `Upgrade to ${String(major)}.${String(first)} or later.`,
        },
      ];
    });
  },
};

function isFixed(fixed: Advisory['fixed'], major: number, minor: number): boolean {
  const first = fixed[major];
  if (first !== undefined) return minor >= first;
  return major > Math.max(...Object.keys(fixed).map(Number));
}

function protectedTables(catalog: Catalog, settings: AuditSettings): string | undefined {
  const names = tenantTables(catalog, settings)
    .filter(({ table }) => table.rowSecurity && table.policies.length > 0)
    .map(({ table }) => table.qualified);
  return names.length === 0 ? undefined : `it concerns ${list(names)}`;
}

/**
 * The attacker's row must conflict with the hidden one. If every guessable key begins with the tenant, and nobody can
 * insert for another tenant, there is no conflict with rows of another tenant.
 */
function conflictingKeys(catalog: Catalog, settings: AuditSettings): string | undefined {
  const held = tenantTables(catalog, settings)
    .filter(({ table }) => table.rowSecurity && table.policies.length > 0)
    .map(({ table }) => `${table.qualified}.`);
  const keys = looseUniqueKey
    .check(catalog, settings)
    .map(({ object }) => object)
    .filter((object) => held.some((table) => object.startsWith(table)));
  return keys.length === 0 ? undefined : `unique keys without the tenant (T15) make it usable: ${list(keys)}`;
}
