/** Probes of all readable relations: with a tenant bound, with none, and with invalid values. */
import type { Finding, NotChecked } from '../finding.js';
import { askEach } from './batches.js';
import { FOREIGN_ROWS, ROWS_WITH_INVALID_TENANT, ROWS_WITHOUT_TENANT } from './rules.js';
import { TIMED_OUT, type Answer, type Ask, type ProbeSession, type Refusal } from './session.js';
import { skipped, type Target } from './targets.js';
import { MARK, type Marks } from './tenants.js';

export interface ProbeResult {
  readonly findings: readonly Finding[];
  readonly notChecked: readonly NotChecked[];
}

/** Rows are counted up to this number, so that large open tables are fast. */
const COUNT_LIMIT = 1_000;
const ROWS_SEARCHED = 10_000;

/**
 * P01: bound to `tenant`, rows of any other tenant; `others` has ids to recognise them in relations without a tenant
 * column.
 */
export async function probeForeignRows(
  session: ProbeSession,
  targets: readonly Target[],
  tenant: string,
  others: Marks,
): Promise<ProbeResult> {
  const marks = marksOf(others);
  const owned = targets.filter(({ tenantColumn }) => tenantColumn !== undefined);
  const rest = targets.filter(({ tenantColumn }) => tenantColumn === undefined);
  return session.asTenant(tenant, async (ask) => {
    const foreign = await askEach<Target, Seen>(ask, owned, foreignSql, [tenant]);
    const marked =
      marks.length === 0 ? [] : await askEach<Target, Seen>(ask, rest, markedSql, [marks, others.tenant]);
    return results([
      ...owned.map((target, at) => shown(target, foreign[at]!, tenant)),
      ...rest.map((target, at) =>
        marks.length === 0 ? skipped(target.relation, UNTOLD) : shown(target, marked[at]!, tenant),
      ),
    ]);
  });
}

const UNTOLD = 'it has no tenant column, and the ids here are too short to tell whose a row is';

function shown(target: Target, answer: Answer<Seen>, tenant: string): readonly Finding[] | NotChecked {
  if ('refusal' in answer) return refused(target, answer.refusal);
  const { relation } = target;
  const [most] = answer.rows;
  if (!most) return [];
  const mostly = answer.rows.length === 1 ? '' : `, most of tenant ${most.tenant}`;
  const whose = answer.rows.length === 1 ? `of tenant ${most.tenant}` : 'of other tenants';
  const rows = counted(answer.rows.reduce((sum, each) => sum + each.rows, 0));
  return [
    {
      rule: FOREIGN_ROWS,
      object: relation.qualified,
      evidence: `bound to tenant ${tenant}, this ${relation.kind} shows ${rows} ${whose}${mostly}`,
      advice:
        'See what the rules on this object say (T01 to T09, T20): its row-level security, its owner, its policies.',
    },
  ];
}

/** P03: rows of any tenant with none bound. P04: rows that are visible only when the setting is not a tenant's id. */
export async function probeUnbound(
  session: ProbeSession,
  targets: readonly Target[],
  tenantSettings: readonly string[],
): Promise<ProbeResult> {
  let closed = targets.filter(({ tenantColumn }) => tenantColumn !== undefined);
  const results: ProbeResult[] = [];
  const keep = (result: ProbeResult): void => {
    results.push(result);
    const open = new Set(result.findings.map(({ object }) => object));
    // One finding per relation: the next value would show the same rows.
    closed = closed.filter(({ relation }) => !open.has(relation.qualified));
  };
  keep(
    await session.withoutTenant((ask) => anyRows(ask, closed, ROWS_WITHOUT_TENANT, 'with no tenant bound')),
  );
  for (const value of tenantSettings.length === 0 ? [] : INVALID_TENANTS) {
    const settings = Object.fromEntries(tenantSettings.map((name) => [name, value]));
    const circumstance = `with ${tenantSettings.join(', ')} set to '${value}'`;
    keep(
      await session.withSettings(settings, (ask) =>
        anyRows(ask, closed, ROWS_WITH_INVALID_TENANT, circumstance),
      ),
    );
  }
  return {
    findings: results.flatMap(({ findings }) => findings),
    notChecked: results.flatMap(({ notChecked }) => notChecked),
  };
}

/** An empty value, a text that is not an id, a LIKE pattern for everything, and an unknown id. */
const INVALID_TENANTS = ['', 'no such tenant', '%', '00000000-0000-0000-0000-000000000000'];

interface Seen {
  readonly tenant: string;
  readonly rows: number;
}

/** A short id of a tenant, such as 2, occurs in every row by chance. */
function marksOf({ tenant, ids }: Marks): readonly string[] {
  return [...(MARK.test(tenant) ? [tenant] : []), ...[...ids.values()].flat()];
}

function foreignSql({ relation, tenantColumn }: Target): string {
  return `SELECT tenant, count(*)::int AS rows FROM (
       SELECT ${tenantColumn!}::text AS tenant FROM ${relation.qualified} WHERE ${tenantColumn!}::text <> $1 LIMIT ${String(COUNT_LIMIT)}
     ) AS foreign_rows GROUP BY tenant ORDER BY rows DESC, tenant`;
}

/** Rows with an id of the other tenant in any column. */
function markedSql({ relation }: Target): string {
  return `SELECT $2::text AS tenant, count(*)::int AS rows FROM (
       SELECT to_jsonb(t)::text AS row FROM (SELECT * FROM ${relation.qualified} LIMIT ${String(ROWS_SEARCHED)}) AS t
     ) AS searched
     WHERE EXISTS (SELECT FROM unnest($1::text[]) AS mark WHERE strpos(row, mark) > 0)
     HAVING count(*) > 0`;
}

async function anyRows(
  ask: Ask,
  targets: readonly Target[],
  rule: typeof ROWS_WITHOUT_TENANT,
  circumstance: string,
): Promise<ProbeResult> {
  const answers = await askEach<Target, Seen>(ask, targets, anyRowSql);
  return results(
    targets.map((target, at) => {
      const answer = answers[at]!;
      if ('refusal' in answer) return refused(target, answer.refusal);
      return answer.rows.map(({ tenant, rows }) => ({
        rule,
        object: target.relation.qualified,
        evidence: `${circumstance}, this ${target.relation.kind} shows ${counted(rows)}, of tenant ${tenant} among others`,
        advice: 'Let the policy compare with the bound tenant and nothing else, and fail when there is none.',
      }));
    }),
  );
}

function anyRowSql({ relation, tenantColumn }: Target): string {
  return `SELECT min(tenant) AS tenant, count(*)::int AS rows FROM (
       SELECT ${tenantColumn!}::text AS tenant FROM ${relation.qualified} WHERE ${tenantColumn!} IS NOT NULL
       LIMIT ${String(COUNT_LIMIT)}
     ) AS readable HAVING count(*) > 0`;
}

/** Denied (42501), unknown setting (42704), invalid value (class 22), raised by a function (P0). */
const NOTHING_SHOWN = /^(?:42501|42704|22|P0)/;

/** A refused read is the correct result; only an interrupted one proves nothing. */
function refused({ relation }: Target, { code, message }: Refusal): Finding[] | NotChecked {
  if (code === TIMED_OUT) return skipped(relation, 'it took longer than the time limit of a probe');
  if (NOTHING_SHOWN.test(code)) return [];
  return skipped(relation, `reading it failed: ${message}`);
}

function results(all: readonly (readonly Finding[] | NotChecked)[]): ProbeResult {
  const findings: Finding[] = [];
  const notChecked: NotChecked[] = [];
  for (const result of all) {
    if ('reason' in result) notChecked.push(result);
    else findings.push(...result);
  }
  return { findings, notChecked };
}

function counted(rows: number): string {
  if (rows >= COUNT_LIMIT) return `at least ${String(COUNT_LIMIT)} rows`;
  return rows === 1 ? '1 row' : `${String(rows)} rows`;
}
