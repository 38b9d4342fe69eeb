/** T37, T38: session defaults of the application that change the meaning of times. */
import type { Catalog } from '../catalog.js';
import { functionsBehind } from '../context.js';
import type { Finding } from '../finding.js';
import { findRole, loginsOf, mayExecute } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName } from '../sql-text.js';

export const localTimeZone: CatalogRule = {
  id: 'T37',
  title: 'Times are written without a zone in sessions whose zone is not UTC',
  severity: 'major',
  why:
    'A time without a zone is one of the session’s. A key that is to expire in an hour has expired already, or lives for hours ' +
    'longer. The server’s zone is the one of the machine it was set up on, if nobody said otherwise.',
  check(catalog, settings): readonly Finding[] {
    const writers = writersOfLocalTimes(catalog, settings);
    if (writers === undefined) return [];
    return findingsOf(catalog, settings, {
      rule: localTimeZone,
      name: 'TimeZone',
      isFine: (zone) => UTC.test(zone),
      remedy: 'UTC',
      evidence: (zone, from) => `TimeZone is ${zone} (${from}); ${writers}`,
      advice:
        'Times that were written under another zone have to be moved first: compare some of them with what was meant.',
    });
  },
};

export const unusualDates: CatalogRule = {
  id: 'T38',
  title: 'Dates are not written in the ISO style in the application’s sessions',
  severity: 'major',
  why: 'Programs read the ISO style. Of another they take the day for the month, or fail on every list with a date.',
  check: (catalog, settings) =>
    findingsOf(catalog, settings, {
      rule: unusualDates,
      name: 'DateStyle',
      isFine: (style) => /\bISO\b/i.test(style),
      remedy: 'ISO, MDY',
      evidence: (style, from) => `DateStyle is ${style} (${from})`,
    }),
};

const UTC = /^['"]?(Etc\/)?(UTC|UCT|GMT|GMT[+-]?0|Zulu|Universal|Greenwich)['"]?$/i;

/** The default of a column that the database fills with the local time. */
const LOCAL_NOW =
  /^\(?(now\(\)|CURRENT_TIMESTAMP|LOCALTIMESTAMP|transaction_timestamp\(\)|clock_timestamp\(\))/i;

/** What writes times without a zone, as text; undefined when there is no sign of it. */
function writersOfLocalTimes(catalog: Catalog, settings: AuditSettings): string | undefined {
  const relations = catalog.relations.filter(({ schema }) => settings.schemas.includes(schema));
  const filled = relations.flatMap(({ qualified, columns }) =>
    columns
      .filter(
        ({ type, default: value }) => /^timestamp(\(\d\))? without/.test(type) && LOCAL_NOW.test(value ?? ''),
      )
      .map(({ name }) => `${qualified}.${name}`),
  );
  if (filled.length > 0) return `columns without a zone are filled with the session’s time: ${list(filled)}`;
  const isPrismas = relations.some(({ name }) => name === '_prisma_migrations');
  const zoned = relations.some(
    ({ name, columns }) =>
      name !== '_prisma_migrations' &&
      columns.some(({ type }) => /^timestamp(\(\d\))? with time zone/.test(type)),
  );
  return isPrismas && zoned
    ? 'Prisma’s adapter for PostgreSQL writes times without their zone into columns that have one'
    : undefined;
}

interface Expectation {
  readonly rule: CatalogRule;
  readonly name: 'TimeZone' | 'DateStyle';
  readonly isFine: (value: string) => boolean;
  readonly remedy: string;
  readonly evidence: (value: string, from: string) => string;
  readonly advice?: string;
}

function findingsOf(catalog: Catalog, settings: AuditSettings, expected: Expectation): readonly Finding[] {
  const { rule, name, isFine, remedy, evidence, advice } = expected;
  return settings.appRoles.flatMap((role): readonly Finding[] => {
    if (bindsSetting(catalog, role, name)) return [];
    // Settings belong to the login.
    const carriers = findRole(catalog, role)?.login === true ? [role] : loginsOf(catalog, role);
    const amiss = carriers.flatMap((carrier) => {
      const set = effective(catalog, carrier, name);
      return set === undefined || isFine(set.value) ? [] : [{ carrier, ...set }];
    });
    const [first] = amiss;
    if (!first) return [];
    return [
      {
        rule,
        object: `role ${role}`,
        evidence: evidence(first.value, first.from),
        fix: amiss
          .map(({ carrier, inDatabase }) => {
            const where = inDatabase ? ` IN DATABASE ${quoteName(catalog.server.database)}` : '';
            return `ALTER ROLE ${quoteName(carrier)}${where} SET ${name} = '${remedy}';`;
          })
          .join('\n'),
        ...(advice !== undefined && { advice }),
      },
    ];
  });
}

interface Effective {
  readonly value: string;
  /** The source of the setting, as text. */
  readonly from: string;
  /** It is set for the role in this database, which overrides all others. */
  readonly inDatabase: boolean;
}

/** The initial settings of a login's sessions; undefined when they are not visible. */
function effective(catalog: Catalog, login: string, name: 'TimeZone' | 'DateStyle'): Effective | undefined {
  const { database, timeZone, dateStyle } = catalog.server;
  const find = (role: string | undefined, of: string | undefined) =>
    catalog.roleSettings.find(
      (each) => each.name.toLowerCase() === name.toLowerCase() && each.role === role && each.database === of,
    )?.value;
  for (const [value, from, inDatabase] of [
    [find(login, database), `of ${login} in ${database}`, true],
    [find(login, undefined), `of ${login}`, false],
    [find(undefined, database), `of ${database}`, false],
    [find(undefined, undefined), 'of all roles', false],
    [name === 'TimeZone' ? timeZone : dateStyle, 'of the server', false],
  ] as const) {
    if (value !== undefined) return { value, from, inDatabase };
  }
  return undefined;
}

/** A function such as `tenantry.bind`, which sets it in each transaction. */
function bindsSetting(catalog: Catalog, role: string, name: string): boolean {
  const sets = new RegExp(`\\bSET\\s+LOCAL\\s+${name}\\b|set_config\\s*\\(\\s*'${name}'`, 'i');
  return catalog.functions.some(
    (each) =>
      mayExecute(catalog, role, each) &&
      functionsBehind(catalog, each).some(({ body }) => sets.test(body ?? '')),
  );
}
