/** Determines the tenant of a row by one of three rules, in SQL that the table's temporary trigger evaluates. */
import type pg from 'pg';

import type { ForeignKey, Table } from './catalog.js';
import { TenantizeError } from './error.js';
import { inPublic, literal, quoted } from './sql.js';

/** The source of a row's tenant. */
export type TenantRule =
  /** Every row belongs to this tenant, in every database. */
  | { readonly kind: 'tenant'; readonly slug: string }
  /** A row belongs to the tenant of the row that it references. */
  | { readonly kind: 'via'; readonly key: ForeignKey }
  /** An SQL expression over the row's columns, which may be qualified with the table's name. */
  | { readonly kind: 'expression'; readonly sql: string };

/** A table that becomes tenant-scoped, and how its rows get their tenant. */
export interface Conversion {
  readonly table: Table;
  readonly rule: TenantRule;
}

/** The user's choice for the first table: exactly one of these. */
export interface RuleChoice {
  readonly tenant?: string | undefined;
  readonly tenantExpression?: string | undefined;
}

/**
 * The tables, parents before children, each with its rule. The choice applies to the first table; the others follow the
 * table that they reference, or belong to the same single tenant.
 *
 * @throws TenantizeError when a table references none of the tables whose rows have a tenant
 */
export function conversionsOf(tables: readonly Table[], choice: RuleChoice): Conversion[] {
  const [first, ...others] = tables;
  if (first === undefined) return [];
  const done: Conversion[] = [{ table: first, rule: firstRule(choice) }];
  let waiting = others;
  while (waiting.length > 0) {
    const known = new Set(done.map(({ table }) => table.name));
    const [next] = waiting.flatMap((table) => {
      const rule = ruleOfFollower(table, choice, known);
      return rule === undefined ? [] : [{ table, rule }];
    });
    if (next === undefined) throw new TenantizeError(unreachable(waiting, known));
    done.push(next);
    waiting = waiting.filter((table) => table !== next.table);
  }
  return done;
}

function firstRule({ tenant, tenantExpression = '' }: RuleChoice): TenantRule {
  if (tenant !== undefined) return { kind: 'tenant', slug: tenant };
  if (/\$(tenantize|fill)\$/.test(tenantExpression)) {
    throw new TenantizeError('The expression may contain neither $tenantize$ nor $fill$, which quote it.');
  }
  return { kind: 'expression', sql: tenantExpression };
}

/**
 * The tables that an expression over this table's rows reads.
 *
 * @throws TenantizeError when PostgreSQL cannot parse it
 */
export async function tablesRead(client: pg.Client, table: string, expression: string): Promise<string[]> {
  const from = `FROM ${inPublic(table)} AS ${quoted(table)}`;
  try {
    const { rows } = await client.query<{ 'QUERY PLAN': unknown }>(
      `EXPLAIN (FORMAT JSON) SELECT (${expression})::uuid ${from}`,
    );
    const plan = JSON.stringify(rows[0]?.['QUERY PLAN']);
    const names = [...plan.matchAll(/"Relation Name":"((?:[^"\\]|\\.)*)"/g)].map(([, name = '']) => name);
    return [...new Set(names)].filter((name) => name !== table);
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).trim().replace(/\.$/, '');
    throw new TenantizeError(`The expression of a tenant is in error: ${reason}.`, { cause: error });
  }
}

function ruleOfFollower(
  table: Table,
  choice: RuleChoice,
  known: ReadonlySet<string>,
): TenantRule | undefined {
  if (choice.tenant !== undefined) return { kind: 'tenant', slug: choice.tenant };
  const [key] = table.foreignKeys
    .filter(({ references }) => known.has(references))
    .sort((one, other) => Number(one.optional) - Number(other.optional));
  return key && { kind: 'via', key };
}

function unreachable(waiting: readonly Table[], known: ReadonlySet<string>): string {
  const names = waiting.map(({ name }) => name).join(', ');
  return (
    `${names} has no foreign key to ${[...known].join(' or ')}: there is no way to a tenant. Tenantize it on its own, ` +
    'with --tenant or --tenant-expression.'
  );
}

/** The tenant of `row` (`NEW` or `OLD`) as an SQL expression; null when there is none. */
export function tenantOf({ table, rule }: Conversion, row: 'NEW' | 'OLD'): string {
  if (rule.kind === 'tenant') return `(SELECT id FROM public.tenants WHERE slug = ${literal(rule.slug)})`;
  if (rule.kind === 'expression') {
    return `(SELECT (${rule.sql})::uuid FROM (${rowOf(table, row)}) AS ${quoted(table.name)})`;
  }
  const { references, columns, referencedColumns } = rule.key;
  const pairs = columns.map(
    (column, index) => `parent.${quoted(referencedColumns[index]!)} = ${valueOf(table, column, row)}`,
  );
  return `(SELECT parent.tenant_id FROM ${inPublic(references)} AS parent WHERE ${pairs.join(' AND ')})`;
}

/** Whether an UPDATE may have moved the row to another tenant, as an SQL condition over NEW and OLD. */
export function tenantMayChange(conversion: Conversion): string {
  const { rule, table } = conversion;
  if (rule.kind === 'tenant') return 'false';
  if (rule.kind === 'expression') {
    return `${tenantOf(conversion, 'NEW')} IS DISTINCT FROM ${tenantOf(conversion, 'OLD')}`;
  }
  return rule.key.columns
    .map((column) => `${valueOf(table, column, 'NEW')} IS DISTINCT FROM ${valueOf(table, column, 'OLD')}`)
    .join(' OR ');
}

// PostgreSQL computes generated columns after the BEFORE triggers, which see them empty.

function rowOf({ columns, generated }: Table, row: 'NEW' | 'OLD'): string {
  if (Object.keys(generated).length === 0) return `SELECT ${row}.*`;
  const values = columns.map((column) => {
    const expression = generated[column];
    return expression === undefined ? `base.${quoted(column)}` : `(${expression}) AS ${quoted(column)}`;
  });
  return `SELECT ${values.join(', ')} FROM (SELECT ${row}.*) AS base`;
}

function valueOf({ generated }: Table, column: string, row: 'NEW' | 'OLD'): string {
  const expression = generated[column];
  return expression === undefined
    ? `${row}.${quoted(column)}`
    : `(SELECT ${expression} FROM (SELECT ${row}.*) AS base)`;
}
