/** Finds the settings from which policies take the tenant, directly or in the functions they call. */
import type { Catalog, DatabaseFunction, Policy, Relation } from './catalog.js';

const SETTING = /\bcurrent_setting\s*\(\s*E?'([^']+)'/gi;

interface Functions {
  readonly byOid: ReadonlyMap<number, DatabaseFunction>;
  readonly byName: ReadonlyMap<string, readonly DatabaseFunction[]>;
  readonly called: Map<DatabaseFunction, readonly DatabaseFunction[]>;
  readonly behind: Map<DatabaseFunction, readonly DatabaseFunction[]>;
}

const functionsByCatalog = new WeakMap<Catalog, Functions>();

function functionsIn(catalog: Catalog): Functions {
  let functions = functionsByCatalog.get(catalog);
  if (!functions) {
    const byName = new Map<string, DatabaseFunction[]>();
    for (const each of catalog.functions) byName.set(each.name, [...(byName.get(each.name) ?? []), each]);
    functions = {
      byOid: new Map(catalog.functions.map((each) => [each.oid, each])),
      byName,
      called: new Map(),
      behind: new Map(),
    };
    functionsByCatalog.set(catalog, functions);
  }
  return functions;
}

/** @returns undefined for a function of PostgreSQL's own */
export function findFunction(catalog: Catalog, oid: number): DatabaseFunction | undefined {
  return functionsIn(catalog).byOid.get(oid);
}

/** The functions of this name, in the given schema if there is one. */
export function functionsNamed(catalog: Catalog, name: string, schema?: string): readonly DatabaseFunction[] {
  const found = functionsIn(catalog).byName.get(name) ?? [];
  return schema === undefined ? found : found.filter((each) => each.schema === schema);
}

/** The function itself and all functions that it calls, directly or indirectly. */
export function functionsBehind(catalog: Catalog, start: DatabaseFunction): readonly DatabaseFunction[] {
  const { behind } = functionsIn(catalog);
  let found = behind.get(start);
  if (!found) {
    const reached = new Set([start]);
    for (const each of reached) for (const called of calledBy(catalog, each)) reached.add(called);
    found = [...reached];
    behind.set(start, found);
  }
  return found;
}

function calledBy(catalog: Catalog, caller: DatabaseFunction): readonly DatabaseFunction[] {
  const functions = functionsIn(catalog);
  let called = functions.called.get(caller);
  if (!called) {
    const names = [...(caller.body ?? '').matchAll(/(?:"?(\w+)"?\s*\.\s*)?"?(\w+)"?\s*\(/g)];
    called = names.flatMap(([, schema, name]) => functionsNamed(catalog, name!, schema));
    functions.called.set(caller, called);
  }
  return called;
}

/** The functions that a policy's expressions call, directly or indirectly. */
export function functionsOfPolicy(catalog: Catalog, policy: Policy): readonly DatabaseFunction[] {
  const direct = policy.functions.flatMap((oid) => findFunction(catalog, oid) ?? []);
  return [...new Set(direct.flatMap((each) => functionsBehind(catalog, each)))];
}

/** The names of the settings that an SQL text reads. */
export function settingsIn(sql: string | undefined): readonly string[] {
  return [...(sql ?? '').matchAll(SETTING)].map(([, name]) => name!.toLowerCase());
}

/** The names of the settings that a table's policies depend on. */
export function contextSettings(catalog: Catalog, table: Relation): ReadonlySet<string> {
  const texts = table.policies.flatMap((policy) => [
    policy.using,
    policy.check,
    ...functionsOfPolicy(catalog, policy).map(({ body }) => body),
  ]);
  // PostgreSQL's own settings (search_path, role) have no dot, and are not the application's context.
  return new Set(texts.flatMap(settingsIn).filter((name) => name.includes('.')));
}
