/**
 * Probes a live database as its application's role: bound to one tenant, it must not get data of another.
 *
 * Guarantees: nothing is changed (`session.ts`), no values of rows are shown except tenant ids; everything that could
 * not be probed, or would prove nothing, is reported.
 */
import pg from 'pg';
import type { Catalog } from '../catalog.js';
import { withSettledClient } from '../connection.js';
import type { Finding, NotChecked } from '../finding.js';
import type { AuditSettings } from '../rule.js';
import { findBinding, type SignContext } from './bind.js';
import { askEach } from './batches.js';
import { callableFunctions } from './callable.js';
import { probeFunctions } from './functions.js';
import { probeAfterCommit, probePlans } from './lasting.js';
import { probeForeignRows, probeUnbound } from './relations.js';
import { FOREIGN_ROWS, FOREIGN_ROWS_FROM_FUNCTION } from './rules.js';
import { createProbeSession, type Ask, type Bind, type ProbeSession } from './session.js';
import { readableTargets, skipped, type Target } from './targets.js';
import { findSubjects } from './subjects.js';
import { findMarks, findTenants } from './tenants.js';

export interface ProbeOptions {
  readonly catalog: Catalog;
  readonly settings: AuditSettings;
  /** The URL with which the catalog was read. Tenants are found among the rows that this login sees. */
  readonly url: string;
  /** The application's login; without it, the login of `url` switches to each of the application's roles. */
  readonly applicationUrl?: string | undefined;
  /** The bound tenant and the one whose rows are searched for; detected by default. */
  readonly tenants?: readonly [string, string] | undefined;
  /** Signs contexts for a Tenantry database with signed contexts. */
  readonly sign?: SignContext | undefined;
  /** Also call functions, and try what a connection keeps between tenants; otherwise only relations are read. */
  readonly thorough?: boolean | undefined;
  /** Binds a transaction to a tenant, if neither `tenantry.bind` nor a setting does. */
  readonly bind?: Bind | undefined;
  /** The time limit of each statement. */
  readonly timeoutMs?: number | undefined;
}

export interface ProbeReport {
  readonly findings: readonly Finding[];
  readonly notChecked: readonly NotChecked[];
  /** Sentences about what was tried without a finding. */
  readonly proved: readonly string[];
  /** The tenants of the probes; empty when nothing could be probed. */
  readonly tenants: readonly string[];
  readonly relations: number;
  readonly functions: number;
}

const TIMEOUT_MS = 5_000;
/** Generic plans from the first execution on, as PostgreSQL uses after some executions. */
const GENERIC_PLANS = 'SET plan_cache_mode = force_generic_plan';

/** @throws Error when a connection cannot be made */
export async function probeDatabase(options: ProbeOptions): Promise<ProbeReport> {
  if (options.settings.tenantColumns.length === 0) return nothingProbed('no tenant column is known');
  if (!(options.bind ?? findBinding(options.catalog, options.settings, options.sign))) {
    return nothingProbed('no policy reads a setting, so that it is not known how a tenant is bound');
  }
  return withSettledClient(options.url, async (client) => {
    const observer = createProbeSession(client, neverBinds, options.timeoutMs ?? TIMEOUT_MS);
    const found =
      options.tenants ??
      (await observer.withoutTenant((ask) => findTenants(options.catalog, options.settings, ask)));
    const [tenant, other] = found;
    if (tenant === undefined || other === undefined) {
      return nothingProbed(
        'fewer than two tenants have rows that the audit can see: give --probe-tenants A,B',
      );
    }
    const subjects = await observer.withoutTenant((ask) =>
      findSubjects(options.catalog, options.settings, ask, [tenant, other]),
    );
    const bind = options.bind ?? findBinding(options.catalog, options.settings, options.sign, subjects)!;
    const reports: ProbeReport[] = [];
    for (const role of options.settings.appRoles) {
      reports.push(await probeRole(options, bind, observer, role, [tenant, other]));
    }
    return merged(reports);
  });
}

/** The observer looks at all tenants, and is bound to none. */
function neverBinds(): Promise<void> {
  return Promise.reject(new Error('the observer is not bound'));
}

async function probeRole(
  options: ProbeOptions,
  bind: Bind,
  observer: ProbeSession,
  role: string,
  tenants: readonly [string, string],
): Promise<ProbeReport> {
  return withSettledClient(options.applicationUrl ?? options.url, async (client) => {
    try {
      if (options.applicationUrl === undefined) await client.query(`SET ROLE ${pg.escapeIdentifier(role)}`);
      await client.query(GENERIC_PLANS);
      const session = createProbeSession(client, bind, options.timeoutMs ?? TIMEOUT_MS);
      return await probeAs(session, observer, role, tenants, options);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      return nothingProbed(`as ${role}: ${error.message}`);
    }
  });
}

async function probeAs(
  session: ProbeSession,
  observer: ProbeSession,
  role: string,
  [tenant, other]: readonly [string, string],
  { catalog, settings, thorough = true }: ProbeOptions,
): Promise<ProbeReport> {
  const { targets, notChecked } = readableTargets(catalog, settings, role);
  // First of all: after a binding, a setting is '' for the rest of the connection, and no longer NULL.
  const neverBound = await probeUnbound(session, targets, []);
  const seesAll = catalog.server.bypassesRowSecurity;
  const marks = seesAll
    ? await observer.withoutTenant((ask) => findMarks(catalog, settings, ask, other))
    : await session.asTenant(other, (ask) => findMarks(catalog, settings, ask, other));
  const { functions, notChecked: notCalled } = thorough
    ? await session.withoutTenant((ask) =>
        callableFunctions(ask, role, (schema) => isAuditedSchema(catalog, settings, schema)),
      )
    : NOT_CALLED;
  const foreign = await probeForeignRows(session, targets, tenant, marks);
  const fromFunctions = await probeFunctions(session, functions, {
    tenant,
    others: marks,
    tenantColumns: settings.tenantColumns,
  });
  // With the setting '', as it is after a transaction that was bound.
  const unbound = await probeUnbound(session, targets, thorough ? settings.tenantSettings : []);
  // Before the last probe, because a binding that outlives its transaction prevents any other.
  const control = await bindingControl(session, seesAll ? observer : undefined, targets, tenant);
  const lasting = thorough
    ? [
        ...(await probePlans(session, targets, [tenant, other])),
        ...(await probeAfterCommit(session, settings.tenantSettings, tenant)),
      ]
    : [];
  const findings = [
    ...neverBound.findings,
    ...foreign.findings,
    ...fromFunctions.findings,
    ...unbound.findings.filter(({ object }) => !neverBound.findings.some((each) => each.object === object)),
    ...lasting,
  ];
  return {
    findings: findings.map((finding) => ({ ...finding, evidence: `as ${role}, ${finding.evidence}` })),
    proved: provedBy(role, tenant, targets, findings, control.blind),
    notChecked: distinct([
      ...notChecked,
      ...notCalled,
      ...foreign.notChecked,
      ...fromFunctions.notChecked,
      ...unbound.notChecked,
      ...control.notChecked,
      ...(seesAll ? await provingNothing(observer, targets, tenant) : []),
    ]),
    tenants: [tenant, other],
    relations: targets.length,
    functions: functions.length,
  };
}

/** A relation that took too long would take too long in every probe. */
function distinct(notChecked: readonly NotChecked[]): NotChecked[] {
  return [...new Map(notChecked.map((entry) => [`${entry.object} ${entry.reason}`, entry])).values()];
}

/** A schema with only functions has no relation by which it could be excluded. */
function isAuditedSchema(catalog: Catalog, settings: AuditSettings, schema: string): boolean {
  return (
    settings.schemas.includes(schema) || !catalog.relations.some((relation) => relation.schema === schema)
  );
}

const NOT_CALLED = {
  functions: [],
  notChecked: [
    {
      rule: FOREIGN_ROWS_FROM_FUNCTION.id,
      object: 'functions, prepared statements and settings that outlive a transaction',
      reason: 'give --probe to try them',
    },
  ],
};

interface Control {
  readonly notChecked: readonly NotChecked[];
  /** Tables in which the bound tenant has rows, and the role sees none of them. */
  readonly blind: ReadonlySet<string>;
}

/**
 * Where a tenant does not see its own rows either, it was probably bound in the wrong way, and the probe proves nothing.
 * Each table counts for itself: an open one shows rows to anybody.
 */
async function bindingControl(
  session: ProbeSession,
  observer: ProbeSession | undefined,
  targets: readonly Target[],
  tenant: string,
): Promise<Control> {
  const owned = targets.filter(({ tenantColumn }) => tenantColumn !== undefined);
  const showing = async (ask: Ask): Promise<ReadonlySet<string>> => {
    const answers = await askEach<Target, object>(
      ask,
      owned,
      ({ relation, tenantColumn }) =>
        `SELECT 1 AS found FROM ${relation.qualified} WHERE ${tenantColumn!}::text = $1 LIMIT 1`,
      [tenant],
    );
    const showing = owned.filter((_, at) => {
      const answer = answers[at]!;
      return 'rows' in answer && answer.rows.length > 0;
    });
    return new Set(showing.map(({ relation }) => relation.qualified));
  };
  const seen = await session.asTenant(tenant, showing);
  const existing = observer && (await observer.withoutTenant(showing));
  const isHeld = ({ relation }: Target): boolean => relation.rowSecurity;
  const none = owned.filter(isHeld).every(({ relation }) => !seen.has(relation.qualified));
  if (none && seen.size === 0) {
    const reason = `bound to tenant ${tenant}, the role sees no row of that tenant either: perhaps a tenant is bound in another way`;
    return {
      notChecked: [{ rule: FOREIGN_ROWS.id, object: 'every relation', reason }],
      blind: new Set(owned.map(({ relation }) => relation.qualified)),
    };
  }
  const blind = owned.filter(
    ({ relation }) => existing?.has(relation.qualified) === true && !seen.has(relation.qualified),
  );
  return {
    notChecked: blind.map(({ relation }) =>
      skipped(relation, `bound to tenant ${tenant}, the role sees no row of that tenant either`),
    ),
    blind: new Set(blind.map(({ relation }) => relation.qualified)),
  };
}

function provedBy(
  role: string,
  tenant: string,
  targets: readonly Target[],
  findings: readonly Finding[],
  blind: ReadonlySet<string>,
): readonly string[] {
  const open = new Set(findings.map(({ object }) => object));
  const held = targets.filter(
    ({ relation, tenantColumn }) =>
      tenantColumn !== undefined && !open.has(relation.qualified) && !blind.has(relation.qualified),
  );
  if (held.length === 0) return [];
  return [
    `Tried as ${role}: ${String(held.length)} of ${String(targets.length)} relations that it may read showed no row of ` +
      `another tenant when bound to ${tenant}, and none without a tenant.`,
  ];
}

/** Tables in which no other tenant has a row, so the probe proves nothing. */
async function provingNothing(
  observer: ProbeSession,
  targets: readonly Target[],
  tenant: string,
): Promise<NotChecked[]> {
  const owned = targets.filter(
    ({ relation, tenantColumn }) => tenantColumn !== undefined && !relation.isPartition,
  );
  return observer.withoutTenant(async (ask) => {
    const answers = await askEach<Target, object>(
      ask,
      owned,
      ({ relation, tenantColumn }) =>
        `SELECT 1 AS found FROM ${relation.qualified} WHERE ${tenantColumn!}::text <> $1 LIMIT 1`,
      [tenant],
    );
    const empty = owned.filter((_, at) => {
      const answer = answers[at]!;
      return 'rows' in answer && answer.rows.length === 0;
    });
    return empty.map(({ relation }) =>
      skipped(relation, 'no other tenant has a row in it, so that none could have been shown'),
    );
  });
}

function nothingProbed(reason: string): ProbeReport {
  return {
    findings: [],
    notChecked: [{ rule: FOREIGN_ROWS.id, object: 'every relation and function', reason }],
    proved: [],
    tenants: [],
    relations: 0,
    functions: 0,
  };
}

function merged(reports: readonly ProbeReport[]): ProbeReport {
  return {
    findings: reports.flatMap(({ findings }) => findings),
    notChecked: reports.flatMap(({ notChecked }) => notChecked),
    proved: reports.flatMap(({ proved }) => proved),
    tenants: [...new Set(reports.flatMap(({ tenants }) => tenants))],
    relations: Math.max(0, ...reports.map(({ relations }) => relations)),
    functions: Math.max(0, ...reports.map(({ functions }) => functions)),
  };
}
