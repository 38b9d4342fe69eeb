/**
 * T09: SECURITY DEFINER functions through which the application can read or change rows of other tenants.
 *
 * The filter of the function's rows decides. Safe are: a filter by the caller's context (`user_id = auth.uid()`), a
 * look-up by a secret that the caller must know (`token_hash = $1`), and a look-up by parameter in the table of the
 * tenants, which finds a tenant before it is bound. A parameter is also safe when row-level security applies to the
 * owner, who sees the rows through a policy that names it, that is, on purpose. Other functions can be accepted by a
 * comment: `@tenancy audited: reason`.
 */
import type { Catalog, DatabaseFunction, Relation } from '../catalog.js';
import type { Finding } from '../finding.js';
import { functionsOfPolicy } from '../context.js';
import { accessesOfFunction, buildsSql, relationsOfFunction } from '../narrowing.js';
import { mayWrite, seesAcross } from '../policies.js';
import { mayExecute, mayUse } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list } from '../sql-text.js';
import { declaration, isRegistry, isTable } from '../tenancy.js';

/** The functions that the application can call and that run as another role. */
function reachable(
  catalog: Catalog,
  settings: AuditSettings,
): readonly { readonly target: DatabaseFunction; readonly callers: readonly string[] }[] {
  return catalog.functions.flatMap((target) => {
    if (!target.securityDefiner || target.extension !== undefined) return [];
    if (!settings.schemas.includes(target.schema) && isPlatformOwned(catalog, settings, target)) return [];
    if (target.returns === 'event_trigger') return [];
    // A trigger function is called by writing its table.
    if (target.returns === 'trigger') return reachedByWriting(catalog, settings, target);
    if (declaration(target.comment, 'audited') !== undefined) return [];
    const callers = settings.appRoles.filter((role) => mayExecute(catalog, role, target));
    if (settings.appRoles.length > 0 && callers.length === 0) return [];
    return [{ target, callers }];
  });
}

function reachedByWriting(
  catalog: Catalog,
  settings: AuditSettings,
  target: DatabaseFunction,
): readonly { readonly target: DatabaseFunction; readonly callers: readonly string[] }[] {
  if (declaration(target.comment, 'audited') !== undefined) return [];
  const tables = catalog.relations.filter(({ triggers }) =>
    triggers.some((trigger) => trigger.enabled && trigger.function === target.oid),
  );
  const callers = settings.appRoles.filter((role) => tables.some((table) => mayWrite(catalog, role, table)));
  return callers.length === 0 ? [] : [{ target, callers }];
}

/** In a schema whose relations are not audited. */
function isPlatformOwned(catalog: Catalog, settings: AuditSettings, target: DatabaseFunction): boolean {
  return catalog.relations.some(
    ({ schema }) => schema === target.schema && !settings.schemas.includes(schema),
  );
}

export const definerFunction: CatalogRule = {
  id: 'T09',
  title: 'SECURITY DEFINER function that reaches other tenants’ rows',
  severity: 'critical',
  why: 'It runs as its owner: what the owner sees of all tenants, every caller gets who knows which arguments to give.',
  check(catalog, settings): readonly Finding[] {
    return reachable(catalog, settings).flatMap(({ target, callers }) => {
      const leaks = leaksOf(catalog, settings, target);
      if (leaks.length === 0) return [];
      return [
        {
          rule: definerFunction,
          object: target.signature,
          evidence:
            `runs as ${target.owner}: ${list([...new Set(leaks)])}` +
            (callers.length > 0
              ? `; ${list(callers)} may ${target.returns === 'trigger' ? 'fire' : 'execute'} it`
              : ''),
          fix: worksAsCaller(catalog, target, callers)
            ? `ALTER ROUTINE ${target.signature} SECURITY INVOKER;`
            : undefined,
          advice:
            'Narrow what it reads by the tenant of the transaction. Where its reach is intended, say why: ' +
            `COMMENT ON ROUTINE ${target.signature} IS '@tenancy audited: …'`,
        },
      ];
    });
  },
  notChecked(catalog, settings) {
    return reachable(catalog, settings).flatMap(({ target }) => {
      const reason = unreadable(catalog, settings, target);
      return reason === undefined ? [] : [{ object: target.signature, reason }];
    });
  },
};

function leaksOf(catalog: Catalog, settings: AuditSettings, target: DatabaseFunction): readonly string[] {
  return (accessesOfFunction(catalog, settings, target) ?? []).flatMap(({ table, narrowing, writes }) => {
    // A trigger returns nothing that it reads, and its row was checked by a policy.
    if (target.returns === 'trigger' && (narrowing !== 'nothing' || !writes)) return [];
    if (narrowing === 'context' || narrowing === 'secret' || !isTable(table)) return [];
    // Whether a row exists is not what the row says.
    if (!writes && /^(boolean|void)$/.test(target.returns)) return [];
    const across = acrossOf(catalog, settings, target, table);
    // T01 reports tables without row-level security.
    if (!across || !table.rowSecurity) return [];
    // A look-up in the table of the tenants finds a tenant before it is bound.
    const isLookUp = !writes && isRegistry(table, settings);
    if (narrowing === 'parameter' && (across.byPolicy || isLookUp)) return [];
    const what = writes ? 'changes' : 'reads';
    return narrowing === 'nothing'
      ? [`${what} every row of ${table.qualified} (${across.reason})`]
      : [`${what} the rows of ${table.qualified} that its caller names (${across.reason})`];
  });
}

/**
 * Whether its callers could run it with their own rights: they may use all tables that it names, and no policy calls
 * it, whose expression would then call itself without end.
 */
function worksAsCaller(catalog: Catalog, target: DatabaseFunction, callers: readonly string[]): boolean {
  const isInPolicy = catalog.relations.some(({ policies }) =>
    policies.some((policy) => functionsOfPolicy(catalog, policy).includes(target)),
  );
  if (isInPolicy || callers.length === 0 || target.returns === 'trigger') return false;
  return relationsOfFunction(catalog, target).every(({ relation, command }) =>
    callers.every((role) => mayUse(catalog, role, relation, command)),
  );
}

/** What the function's owner sees of a table, when it is not the owner who is logged in. */
function acrossOf(
  catalog: Catalog,
  settings: AuditSettings,
  { owner }: DatabaseFunction,
  table: Relation,
): ReturnType<typeof seesAcross> {
  return seesAcross(catalog, settings, table, owner, { user: owner, session: undefined });
}

function unreadable(catalog: Catalog, settings: AuditSettings, target: DatabaseFunction): string | undefined {
  if (target.returns === 'trigger') return undefined;
  if (target.body === undefined)
    return `SECURITY DEFINER in ${target.language}: its body cannot be read here`;
  if (buildsSql(target)) return 'SECURITY DEFINER that builds SQL at run time: read what it runs';
  const accesses = accessesOfFunction(catalog, settings, target);
  if (accesses === undefined) return 'SECURITY DEFINER whose body could not be parsed';
  const toRead = accesses.filter(
    ({ table, perhapsChecked }) =>
      perhapsChecked && acrossOf(catalog, settings, target, table)?.byPolicy === false,
  );
  if (toRead.length > 0) {
    return `SECURITY DEFINER that reaches rows of ${list([...new Set(toRead.map(({ table }) => table.qualified))])} and asks for the caller’s context or rights: read whether it checks the one against the other`;
  }
  return undefined;
}
