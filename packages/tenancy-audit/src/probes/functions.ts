/**
 * P02: rows that functions return to the application's role when it is bound to one tenant and passes values of
 * another.
 */
import type { Finding, NotChecked } from '../finding.js';
import { notCalled, type CallableFunction } from './callable.js';
import type { ProbeResult } from './relations.js';
import { FOREIGN_ROWS_FROM_FUNCTION } from './rules.js';
import { READ_ONLY, TIMED_OUT, type Ask, type ProbeSession, type Undo } from './session.js';
import type { Marks } from './tenants.js';

const ROWS_LOOKED_AT = 200;
/** The rows whose ids a function is called with. */
const MOST_ROWS = 8;

interface Probe {
  readonly tenant: string;
  readonly others: Marks;
  /** Names of the tenant column. */
  readonly tenantColumns: readonly string[];
}

/** Calls each function with the other tenant's ids as arguments, in all known combinations. */
export async function probeFunctions(
  session: ProbeSession,
  functions: readonly CallableFunction[],
  probe: Probe,
): Promise<ProbeResult> {
  return session.asTenant(probe.tenant, async (ask, undo) => {
    const findings: Finding[] = [];
    const notChecked: NotChecked[] = [];
    for (const callable of functions) {
      const result = await callInEveryWay(ask, undo, callable, probe);
      if (result === undefined) continue;
      if ('reason' in result) notChecked.push(result);
      else findings.push(result);
    }
    return { findings, notChecked };
  });
}

async function callInEveryWay(
  ask: Ask,
  undo: Undo,
  callable: CallableFunction,
  probe: Probe,
): Promise<Finding | NotChecked | undefined> {
  const ways = waysToCall(callable, probe.others);
  if (ways === undefined) {
    return notCalled(
      callable,
      `no values are known for its arguments (${callable.argumentTypes.join(', ')})`,
    );
  }
  for (const values of ways) {
    const parameters = callable.argumentTypes
      .map((type, index) => `$${String(index + 1)}::${type}`)
      .join(', ');
    const answer = await ask<{ row: unknown }>(
      `SELECT to_jsonb(answer) AS row FROM ${callable.qualified}(${parameters}) AS answer LIMIT ${String(ROWS_LOOKED_AT)}`,
      values,
    );
    // Undoes a function's binding of another tenant before the next call.
    await undo();
    if ('refusal' in answer) {
      const { code } = answer.refusal;
      if (code === READ_ONLY) return notCalled(callable, 'it writes, which a probe does not let it');
      if (code === TIMED_OUT) return notCalled(callable, 'it took longer than the time limit of a probe');
      continue;
    }
    const foreign = foreignRows(
      answer.rows.map(({ row }) => row),
      values,
      callable,
      probe,
    );
    if (foreign > 0) return finding(callable, values, foreign, probe);
  }
  return undefined;
}

function finding(
  { signature, volatile }: CallableFunction,
  values: readonly unknown[],
  rows: number,
  { tenant, others }: Probe,
): Finding {
  const how =
    values.length === 0 ? 'called without arguments' : `called with (${values.map(String).join(', ')})`;
  return {
    rule: FOREIGN_ROWS_FROM_FUNCTION,
    object: signature,
    evidence: `bound to tenant ${tenant} and ${how}, it returns ${String(rows)} ${rows === 1 ? 'row' : 'rows'} of another tenant (probed for ${others.tenant})${volatile ? '; it is VOLATILE, and was called in a read-only transaction' : ''}`,
    advice:
      'Let it run as its caller (SECURITY INVOKER), or compare every row with the bound tenant in its body, not with an argument.',
  };
}

/**
 * The values to call with: the other tenant for arguments that may name one, the id of one of its rows for arguments
 * that may name a row, and empty search terms. `undefined` for an argument of another kind.
 */
function waysToCall(
  { argumentTypes, argumentNames, body }: CallableFunction,
  others: Marks,
): unknown[][] | undefined {
  // The rows of the tables that its body names first: with all of them, calls would take minutes in a large database.
  const isNamed = (table: string): boolean => body.includes(table.split('.').at(-1)!.replaceAll('"', ''));
  const tables = [...others.ids].sort(([one], [other]) => Number(isNamed(other)) - Number(isNamed(one)));
  const rowIds = tables.slice(0, MOST_ROWS).flatMap(([, ids]) => ids.slice(0, 1));
  const asked = ['', ...rowIds].map((key) =>
    argumentTypes.map((type, index) => valueFor(type, argumentNames[index] ?? '', key, others.tenant)),
  );
  const named = argumentTypes.map((type) => valueFor(type, 'tenant', '', others.tenant));
  const ways = argumentTypes.length === 0 ? [[]] : [named, ...asked];
  if (ways.some((values) => values.includes(undefined))) return undefined;
  return [...new Map(ways.map((values) => [JSON.stringify(values), values])).values()];
}

function valueFor(type: string, name: string, key: string, tenant: string): unknown {
  const namesTenant = /tenant|org|account|workspace|company/i.test(name);
  const value = namesTenant ? tenant : key;
  switch (type) {
    case 'uuid':
      return value === '' ? tenant : value;
    case 'text':
    case 'character varying':
    case 'citext':
      return value;
    case 'uuid[]':
    case 'text[]':
      return [value === '' ? tenant : value];
    case 'integer':
    case 'bigint':
      return namesTenant && /^\d+$/.test(tenant) ? tenant : 100;
    case 'boolean':
      return true;
    default:
      return undefined;
  }
}

/**
 * The number of another tenant's rows. A passed value that is returned once proves nothing, because a function may
 * return its arguments. An unnamed row of the other tenant, an id that was not passed, or several rows prove a leak.
 */
function foreignRows(
  rows: readonly unknown[],
  passed: readonly unknown[],
  { rowsOf }: CallableFunction,
  { tenant, others, tenantColumns }: Probe,
): number {
  const given = new Set(passed.flat().map(String));
  const marks = new Set([...others.ids.values()].flat().filter((id) => !given.has(id)));
  const owners = rows.map((row) => ownerOf(row, tenantColumns));
  const foreign = rows.filter((row, index) => {
    const owner = owners[index];
    const isForeign = owner !== undefined && owner !== tenant;
    return (
      (isForeign && (rowsOf !== null || !given.has(owner))) || texts(row).some((text) => marks.has(text))
    );
  }).length;
  const named = owners.filter((owner) => owner !== undefined && owner !== tenant && given.has(owner)).length;
  return foreign === 0 && named > 1 ? named : foreign;
}

function ownerOf(row: unknown, tenantColumns: readonly string[]): string | undefined {
  if (typeof row !== 'object' || row === null) return undefined;
  for (const [name, value] of Object.entries(row)) {
    if (tenantColumns.includes(name) && (typeof value === 'string' || typeof value === 'number'))
      return String(value);
  }
  return undefined;
}

/** Every string in a JSON value. */
function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : [];
}
