/**
 * Finds every table with rows of tenants, in the catalog (`tenantry.tables_of`), and sorts them so that a table comes
 * after those that it refers to. There is no list of tables: one that was made by hand is found as well, and one that
 * cannot be placed stops the walk.
 */
import { TenantLifeError } from './life-error.js';

/** Runs a statement and returns its rows. */
export type LifeQuery = <Row extends Record<string, unknown>>(
  sql: string,
  values?: readonly unknown[],
) => Promise<Row[]>;

export interface Column {
  readonly name: string;
  readonly type: string;
}

export interface TenantTable {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  /** What its comment declares: see the migration tenant_life. */
  readonly kind: 'derived' | 'transient' | null;
  readonly columns: readonly Column[];
  /** Whether rows refer to rows of the same table. */
  readonly isSelfReferring: boolean;
}

/** Tables that refer to each other in a circle; nearly always one table alone. */
export type TableGroup = readonly TenantTable[];

interface FoundTable {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: TenantTable['kind'];
  readonly problem: string | null;
  readonly columns: readonly Column[];
}

const TABLES = `
  SELECT w.target::text AS oid, w.schema_name AS schema, w.table_name AS name, w.kind, w.problem, (
    SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = w.target AND a.attnum > 0 AND NOT a.attisdropped
  ) AS columns
  FROM tenantry.tables_of($1) w`;

const REFERENCES = `
  SELECT DISTINCT conrelid::oid::text AS child, confrelid::oid::text AS parent
  FROM pg_catalog.pg_constraint WHERE contype = 'f' AND conparentid = 0`;

/**
 * The tables with rows of tenants, parents first. Of the schemas of single tenants, only that of this one; null: none of them.
 *
 * @throws TenantLifeError when a table cannot be placed; it names every such table and says what to do; the errors of `query`
 */
export async function walkTables(query: LifeQuery, tenantId: string | null): Promise<readonly TableGroup[]> {
  const found = await query<FoundTable & Record<string, unknown>>(TABLES, [tenantId]);
  const problems = found.filter(({ problem }) => problem !== null);
  if (problems.length > 0) {
    const lines = problems.map(({ schema, name, problem }) => `${schema}.${name} ${String(problem)}.`);
    throw new TenantLifeError(`The rows of a tenant cannot be found everywhere:\n${lines.join('\n')}`);
  }
  const references = await query<{ child: string; parent: string }>(REFERENCES);
  const parents = new Map(found.map(({ oid }) => [oid, new Set<string>()]));
  for (const { child, parent } of references) if (parents.has(parent)) parents.get(child)?.add(parent);
  const tables = new Map(
    found.map(({ oid, schema, name, kind, columns }) => {
      const table = { oid, schema, name, kind, columns, isSelfReferring: parents.get(oid)!.has(oid) };
      return [oid, table] as const;
    }),
  );
  return components([...tables.keys()], (oid) => parents.get(oid)!).map((group) =>
    group.map((oid) => tables.get(oid)!),
  );
}

/** `public.tenants`. */
export const nameOf = ({ schema, name }: Pick<TenantTable, 'schema' | 'name'>): string => `${schema}.${name}`;

/** Whether the table belongs to the audit log and its seals. */
export const isOfTrail = ({ schema, name }: Pick<TenantTable, 'schema' | 'name'>): boolean =>
  nameOf({ schema, name }) === 'public.audit_log' || (schema === 'tenantry' && name.startsWith('audit_'));

/**
 * The strongly connected components of a graph, each after those that it leads to (Tarjan). The order depends on that of
 * the nodes alone.
 */
export function components(
  nodes: readonly string[],
  next: (node: string) => Iterable<string>,
): readonly (readonly string[])[] {
  const found: string[][] = [];
  const numbers = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const rank = new Map(nodes.map((node, at) => [node, at]));
  const visit = (node: string): void => {
    numbers.set(node, numbers.size);
    lowest.set(node, numbers.get(node)!);
    stack.push(node);
    for (const other of [...next(node)].sort((a, b) => rank.get(a)! - rank.get(b)!)) {
      if (!numbers.has(other)) {
        visit(other);
        lowest.set(node, Math.min(lowest.get(node)!, lowest.get(other)!));
      } else if (stack.includes(other)) {
        lowest.set(node, Math.min(lowest.get(node)!, numbers.get(other)!));
      }
    }
    if (lowest.get(node) === numbers.get(node)) found.push(stack.splice(stack.indexOf(node)));
  };
  for (const node of nodes) if (!numbers.has(node)) visit(node);
  return found;
}
