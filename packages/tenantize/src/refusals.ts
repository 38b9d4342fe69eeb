/** The reasons why a table cannot be converted, each with its remedy. */
import { APP_ROLE, OWNER_ROLE } from './roles.js';
import type { Table } from './catalog.js';
import { pairsTenants } from './keys.js';
import { shellWords } from './sql.js';

/** A condition that prevents the conversion, and its sentence. */
type Reason = (table: Table) => string | false;

const list = (names: readonly string[]): string => names.join(', ');

const REASONS: readonly Reason[] = [
  ({ kind }) =>
    kind === 'p' &&
    'is a partitioned table, which is not converted in place: its keys cannot be built while it is written. In one migration, ' +
      'create a table beside it that is partitioned alike and has tenant_id first in its keys, call tenantry.protect for it, ' +
      'lock the old one, copy the rows with their tenants, and exchange the names.',
  ({ extension }) =>
    extension !== null &&
    `belongs to the extension ${extension}, which makes and drops it: keep what belongs to tenants in a table of your own that refers to it.`,
  ({ kind }) => !'rp'.includes(kind) && 'is a view or a foreign table: convert the tables that it reads.',
  ({ kind, partition, inherits }) =>
    kind !== 'p' &&
    (partition || inherits) &&
    'is part of an inheritance or partition tree: detach it (ALTER TABLE … DETACH PARTITION, NO INHERIT) and convert it alone, or ' +
      'replace the tree as a whole, as for a partitioned table.',
  ({ scoped }) => scoped && 'is tenant-scoped already.',
  ({ underWay }) => underWay && 'is under way: apply its migrations, then finish with --finish.',
  ({ columns, underWay, scoped }) =>
    columns.includes('tenant_id') &&
    !underWay &&
    !scoped &&
    'has a column tenant_id of its own: rename it first.',
  ({ owner }) =>
    owner !== OWNER_ROLE &&
    `belongs to ${owner}: as a superuser, ALTER TABLE … OWNER TO ${OWNER_ROLE}, and grant its old owner what it needs.`,
  ({ uniqueKeys }) => !uniqueKeys.some(({ primary }) => primary) && 'has no primary key.',
  ({ rowSecurity, policies, underWay, scoped }) =>
    (rowSecurity || policies.length > 0) &&
    !underWay &&
    !scoped &&
    `has row-level security of its own (${list(policies)}): permissive policies would add to the tenant's. Drop them first.`,
  ({ uniqueKeys }) =>
    about(
      uniqueKeys.filter((key) => !key.valid),
      'is invalid, left by a build that failed: drop it',
    ),
  ({ uniqueKeys }) =>
    about(
      uniqueKeys.filter((key) => key.exclusion || key.method !== 'btree'),
      'is an exclusion constraint: give it the tenant by hand',
    ),
  ({ uniqueKeys }) =>
    about(
      uniqueKeys.filter((key) => key.primary && key.deferral !== ''),
      'is a deferrable primary key: make it NOT DEFERRABLE (DROP CONSTRAINT …, ADD PRIMARY KEY …)',
    ),
  ({ uniqueKeys }) =>
    about(
      uniqueKeys.filter((key) => key.replicaIdentity),
      'is the replica identity: set REPLICA IDENTITY FULL or DEFAULT first',
    ),
  ({ foreignKeys, references }) => {
    const found = [...foreignKeys, ...references].filter(
      (key) => key.updateSetsColumns && !pairsTenants(key),
    );
    return (
      found.length > 0 &&
      `has foreign keys that set columns ON UPDATE (${list(found.map(({ name }) => name))}): they would set tenant_id too. ` +
        'Make them ON UPDATE CASCADE or RESTRICT.'
    );
  },
  ({ foreignKeys, references }) => {
    const found = [...foreignKeys, ...references].filter(({ full }) => full);
    return (
      found.length > 0 &&
      `has foreign keys MATCH FULL (${list(found.map(({ name }) => name))}): make them MATCH SIMPLE.`
    );
  },
  ({ rules }) => rules.length > 0 && `has rewrite rules (${list(rules)}): turn them into triggers.`,
  ({ leakyViews }) =>
    leakyViews.length > 0 &&
    `is shown past row-level security by ${list(leakyViews)}: drop the materialized ones, and SET (security_invoker = true) on the others.`,
  ({ keyViews }) =>
    keyViews.length > 0 &&
    `has views that group by its primary key (${list(keyViews)}): drop them, and make them again afterwards.`,
  ({ grantees }) =>
    grantees.some(({ name }) => name === null) &&
    `is open to PUBLIC: grant what the old code needs to its role, and REVOKE ALL … FROM PUBLIC.`,
  ({ grantees }) => {
    const roles = grantees.filter(({ name, app }) => app && name !== null && name !== APP_ROLE);
    return (
      roles.length > 0 &&
      `is open to ${list(roles.map(({ name }) => name!))}, of which ${APP_ROLE} is a member: what is left open to the old ` +
        'code would be open to the server. Revoke one or the other.'
    );
  },
];

function about(keys: Table['uniqueKeys'], what: string): string | false {
  return keys.length > 0 && `has a unique index (${list(keys.map(({ index }) => index))}) that ${what}.`;
}

/**
 * All reasons why these tables cannot be converted together, one sentence each.
 *
 * @param filled whether rows will be written to give them their tenants, so that triggers fire
 */
export function refusals(
  tables: readonly Table[],
  neighbours: ReadonlyMap<string, Table>,
  { filled, fireTriggers }: { readonly filled: boolean; readonly fireTriggers: boolean },
): string[] {
  const names = tables.map(({ name }) => name);
  const sentences = tables.flatMap((table) =>
    REASONS.flatMap((reason) => {
      const sentence = reason(table);
      return sentence === false ? [] : [`${table.name} ${sentence}`];
    }),
  );
  const followers = new Set(
    tables
      .flatMap(({ references }) => references.map((key) => key.table))
      .filter((name) => !names.includes(name) && neighbours.get(name)?.scoped !== true),
  );
  if (followers.size > 0) {
    sentences.push(
      `${list([...followers])} points at ${list(names)}, and would hold on to a key without the tenant: ` +
        `tenantize them together: tenantry tenantize ${shellWords([...names, ...followers])}`,
    );
  }
  for (const { name, updateTriggers } of filled && !fireTriggers ? tables : []) {
    if (updateTriggers.length === 0) continue;
    sentences.push(
      `${name} has triggers (${list(updateTriggers)}) that would fire for every row when it gets its tenant: say ` +
        'UPDATE OF the columns they are about, or let them, with --fire-triggers.',
    );
  }
  return sentences;
}
