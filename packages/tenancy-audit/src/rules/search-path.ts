/** T27: names in privileged functions that the application can redefine. */
import type { Catalog, DatabaseFunction, Schema } from '../catalog.js';
import type { Finding } from '../finding.js';
import { inheritedRoles, mayExecute } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { quoteName } from '../sql-text.js';

export const unpinnedSearchPath: CatalogRule = {
  id: 'T27',
  title: 'Names in privileged code that the application can redefine',
  severity: 'major',
  why:
    'A SECURITY DEFINER function looks up unqualified names along the caller’s search_path. A caller who can create objects ' +
    'in front of the right ones has the function run theirs, with its owner’s rights.',
  check: (catalog, settings) => [...unpinned(catalog, settings), ...writableSchemas(catalog, settings)],
};

function unpinned(catalog: Catalog, settings: AuditSettings): Finding[] {
  return catalog.functions.flatMap((each) => {
    const callers = settings.appRoles.filter((role) => mayExecute(catalog, role, each));
    if (!each.securityDefiner || each.extension !== undefined || callers.length === 0) return [];
    // A body of BEGIN ATOMIC was bound to its objects at creation and looks up no names.
    if (pathOf(each) !== undefined || /\bBEGIN ATOMIC\b/.test(each.definition ?? '')) return [];
    return [
      {
        rule: unpinnedSearchPath,
        object: each.signature,
        evidence: `SECURITY DEFINER, owned by ${each.owner}, executable by ${callers.join(', ')}, without SET search_path`,
        fix: `ALTER FUNCTION ${each.signature} SET search_path = ${pathFor(catalog, settings, each)};`,
        advice: 'Check that its body names no object of another schema without the schema.',
      },
    ];
  });
}

/** The schemas of a function's search_path; undefined when the caller determines it. */
function pathOf({ configuration }: DatabaseFunction): string[] | undefined {
  const setting = configuration.find((entry) => entry.startsWith('search_path='));
  return setting === undefined ? undefined : schemasOf(setting.slice('search_path='.length));
}

function schemasOf(path: string): string[] {
  return path
    .split(',')
    .map((name) => name.trim().replaceAll('"', ''))
    .filter((name) => name !== '');
}

/**
 * Its own schema, and those of the functions and tables that its body names without a schema and its own schema lacks.
 * pg_temp must be last: unless listed, it comes first, and everybody may create in it (manual, CREATE FUNCTION).
 */
function pathFor(catalog: Catalog, settings: AuditSettings, { schema, body }: DatabaseFunction): string {
  const names = new Set(
    [...(body ?? '').matchAll(/(?<![\w".])"?([A-Za-z_]\w*)"?(?!\w|"?\s*\.)/g)].map(([, name]) => name!),
  );
  const schemasOfName = new Map<string, Set<string>>();
  for (const each of [...catalog.functions, ...catalog.relations]) {
    if (!names.has(each.name)) continue;
    schemasOfName.set(each.name, (schemasOfName.get(each.name) ?? new Set()).add(each.schema));
  }
  const others = [...schemasOfName.values()].flatMap((found) => (found.has(schema) ? [] : [...found]));
  const isWritable = (name: string): boolean =>
    catalog.schemas.some(
      (each) =>
        each.name === name &&
        settings.appRoles.some((role) => creators(each, inheritedRoles(catalog, role)).length > 0),
    );
  const added = [...new Set(others)].filter((name) => !isWritable(name)).sort();
  return ['pg_catalog', ...[schema, ...added].map(quoteName), 'pg_temp'].join(', ');
}

/** Schemas on a search_path in which the application may create objects. */
function writableSchemas(catalog: Catalog, settings: AuditSettings): Finding[] {
  return catalog.schemas.flatMap((schema) => {
    if (!isOnPath(catalog, settings, schema)) return [];
    const grantees = [
      ...new Set(settings.appRoles.flatMap((role) => creators(schema, inheritedRoles(catalog, role)))),
    ];
    if (grantees.length === 0) return [];
    return [
      {
        rule: unpinnedSearchPath,
        object: `schema ${schema.name}`,
        evidence: `it is on the search_path, and ${grantees.join(', ')} may create objects in it`,
        fix: grantees
          .map(
            (name) =>
              `REVOKE CREATE ON SCHEMA ${quoteName(schema.name)} FROM ${name === 'PUBLIC' ? name : quoteName(name)};`,
          )
          .join('\n'),
      },
    ];
  });
}

function creators(schema: Schema, roles: ReadonlySet<string>): string[] {
  return schema.grants
    .filter(({ grantee, privilege }) => privilege === 'CREATE' && roles.has(grantee))
    .map(({ grantee }) => grantee);
}

/** On the application's search_path (by default `"$user", public`), or pinned by a privileged function. */
function isOnPath(catalog: Catalog, settings: AuditSettings, { name }: Schema): boolean {
  const set = catalog.roleSettings.filter(
    (entry) =>
      entry.name === 'search_path' && (entry.role === undefined || settings.appRoles.includes(entry.role)),
  );
  const own = set.length === 0 ? ['public'] : set.flatMap(({ value }) => schemasOf(value));
  const pinned = catalog.functions
    .filter(({ securityDefiner, extension }) => securityDefiner && extension === undefined)
    .flatMap((each) => pathOf(each) ?? []);
  return own.includes(name) || pinned.includes(name);
}
