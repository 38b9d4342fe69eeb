/** T45, T46: what functions of the database do at run time: bind the tenant for the session, run text as SQL. */
import type { Catalog, DatabaseFunction } from '../catalog.js';
import type { Finding } from '../finding.js';
import { mayExecute } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { sessionSettings } from '../source/session-settings.js';
import { list } from '../sql-text.js';
import { declaration } from '../tenancy.js';

/** The functions of SQL and PL/pgSQL that the application may call, with those of its roles that may. */
function called(
  catalog: Catalog,
  settings: AuditSettings,
): readonly { readonly target: DatabaseFunction; readonly callers: readonly string[] }[] {
  const unaudited = new Set(
    catalog.relations.filter(({ schema }) => !settings.schemas.includes(schema)).map(({ schema }) => schema),
  );
  return catalog.functions.flatMap((target) => {
    if (target.body === undefined || unaudited.has(target.schema)) return [];
    if (declaration(target.comment, 'audited') !== undefined) return [];
    const callers = settings.appRoles.filter((role) => mayExecute(catalog, role, target));
    return callers.length === 0 ? [] : [{ target, callers }];
  });
}

const CONTEXT = /tenant|org|workspace|account|company|team|user|actor|claim/i;

export const bindsSession: CatalogRule = {
  id: 'T45',
  title: 'Database function that sets the tenant for the session',
  severity: 'critical',
  why: 'A pooled connection keeps the tenant when the transaction ends: the next request that binds none works as it.',
  check(catalog, settings): readonly Finding[] {
    const known = new Set(settings.tenantSettings.map((name) => name.toLowerCase()));
    return called(catalog, settings).flatMap(({ target, callers }) => {
      const found = sessionSettings(target.body ?? '').filter(
        ({ name }) =>
          name === undefined || known.has(name.toLowerCase()) || (name.includes('.') && CONTEXT.test(name)),
      );
      const [first] = found;
      if (!first) return [];
      return [
        {
          rule: bindsSession,
          object: target.signature,
          evidence: `${first.written}; ${list(callers)} may execute it`,
          advice: 'Set it for the transaction: set_config(…, …, true), or SET LOCAL.',
        },
      ];
    });
  },
};

export const runsText: CatalogRule = {
  id: 'T46',
  title: 'SECURITY DEFINER function that runs its caller’s text as SQL',
  severity: 'critical',
  why: 'Whoever may call it chooses the statement, which runs with the rights of the function’s owner.',
  check(catalog, settings): readonly Finding[] {
    return called(catalog, settings).flatMap(({ target, callers }) => {
      if (!target.securityDefiner || target.language !== 'plpgsql' || target.returns === 'trigger') return [];
      const statement = executedText(target);
      if (statement === undefined) return [];
      return [
        {
          rule: runsText,
          object: target.signature,
          evidence: `runs as ${target.owner}: ${statement}; ${list(callers)} may execute it`,
          advice:
            'Pass values with USING, and names through format(%I): no text of the caller may become SQL.',
        },
      ];
    });
  },
};

const TEXT = /^(text|character varying|character|name|citext|json|jsonb)/;

/** The EXECUTE whose text contains an argument that is neither quoted nor a name in a list. */
function executedText({ body, argumentNames, argumentTypes }: DatabaseFunction): string | undefined {
  const names = argumentNames.filter((name, at) => name !== '' && TEXT.test(argumentTypes[at] ?? ''));
  if (names.length === 0) return undefined;
  const code = (body ?? '').replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ');
  const argument = new RegExp(
    `(?<![\\w.])(${names.map((name) => name.replace(/[^\w]/g, '\\$&')).join('|')})(?!\\w)`,
    'i',
  );
  for (const [statement, text] of code.matchAll(/\bexecute\s+(?!function\b|procedure\b|on\b)([^;]+)/gi)) {
    const unquoted = withVariables(text!, code)
      .replace(/\busing\b[\s\S]*$/i, '')
      .replace(/\bquote_(literal|ident|nullable)\s*\([^()]*\)/gi, '')
      .replace(/\bformat\s*\(\s*'((?:[^']|'')*)'[^;]*/gi, (call: string, format: string) =>
        /%(\d+\$)?-?\d*s/.test(format) ? call : '',
      )
      .replace(/'(?:[^']|'')*'/g, '');
    if (argument.test(unquoted)) return statement.replace(/\s+/g, ' ').trim();
  }
  return undefined;
}

/** A variable that is executed stands for what was assigned to it. */
function withVariables(text: string, code: string): string {
  const [name] = /^\s*(\w+)\s*($|using\b|into\b)/i.exec(text)?.slice(1) ?? [];
  if (name === undefined) return text;
  const assigned = [...code.matchAll(new RegExp(`\\b${name}\\b(?:\\s+text)?\\s*:?=\\s*([^;]+)`, 'gi'))];
  return assigned.length === 0 ? text : assigned.map(([, value]) => value).join(' ');
}
