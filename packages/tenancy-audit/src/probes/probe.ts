/**
 * Probes a live database as its application's role: bound to one tenant, what of another does it get?
 *
 * Guarantees: nothing is changed (`session.ts`), no value of a row is shown but the ids of tenants; what could not be
 * probed, or would prove nothing, is said.
 */
import pg from 'pg';
import type { Catalog } from '../catalog.js';
import { withSettledClient } from '../connection.js';
import type { Finding, NotChecked } from '../finding.js';
import type { AuditSettings } from '../rule.js';
import { findBinding, type SignContext } from './bind.js';
import { callableFunctions } from './callable.js';
import { probeFunctions } from './functions.js';
import { probeAfterCommit, probePlans } from './lasting.js';
import { probeForeignRows, probeUnbound } from './relations.js';
import { FOREIGN_ROWS } from './rules.js';
import { createProbeSession, type Bind, type ProbeSession } from './session.js';
import { readableTargets, skipped, type Target } from './targets.js';
import { findMarks, findTenants } from './tenants.js';

export interface ProbeOptions {
  readonly catalog: Catalog;
  readonly settings: AuditSettings;
  /** Where the catalog was read. What this login sees decides which tenants are found. */
  readonly url: string;
  /** How the application logs in; without it, the login of `url` becomes each of the application's roles. */
  readonly applicationUrl?: string | undefined;
  /** The bound tenant and the one whose rows are looked for; found by looking where left out. */
  readonly tenants?: readonly [string, string] | undefined;
  /** How the contexts of a Tenantry are signed, if they are. */
  readonly sign?: SignContext | undefined;
  /** How a transaction is bound to a tenant, where neither `tenantry.bind` nor a setting does it. */
  readonly bind?: Bind | undefined;
  /** For each statement. */
  readonly timeoutMs?: number | undefined;
}

export interface ProbeReport {
  readonly findings: readonly Finding[];
  readonly notChecked: readonly NotChecked[];
  /** The tenants that were probed with; empty when there was nothing to probe. */
  readonly tenants: readonly string[];
  readonly relations: number;
  readonly functions: number;
}

const TIMEOUT_MS = 5_000;
/** A plan for all values, made at once: what PostgreSQL comes to by itself after some executions. */
const GENERIC_PLANS = 'SET plan_cache_mode = force_generic_plan';

/** @throws Error when a connection cannot be made */
export async function probeDatabase(options: ProbeOptions): Promise<ProbeReport> {
  const bind = options.bind ?? findBinding(options.catalog, options.settings, options.sign);
  if (!bind) return nothingProbed('no policy reads a setting, so that it is not known how a tenant is bound');
  return withSettledClient(options.url, async (client) => {
    const observer = createProbeSession(client, bind, options.timeoutMs ?? TIMEOUT_MS);
    const found =
      options.tenants ??
      (await observer.withoutTenant((ask) => findTenants(options.catalog, options.settings, ask)));
    const [tenant, other] = found;
    if (tenant === undefined || other === undefined) {
      return nothingProbed(
        'fewer than two tenants have rows that the audit can see: give --probe-tenants A,B',
      );
    }
    const reports: ProbeReport[] = [];
    for (const role of options.settings.appRoles) {
      reports.push(await probeRole(options, bind, observer, role, [tenant, other]));
    }
    return merged(reports);
  });
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
  { catalog, settings }: ProbeOptions,
): Promise<ProbeReport> {
  const { targets, notChecked } = readableTargets(catalog, settings, role);
  const seesAll = catalog.server.bypassesRowSecurity;
  const marks = seesAll
    ? await observer.withoutTenant((ask) => findMarks(catalog, settings, ask, other))
    : await session.asTenant(other, (ask) => findMarks(catalog, settings, ask, other));
  const { functions, notChecked: notCalled } = await session.withoutTenant((ask) =>
    callableFunctions(ask, role, (schema) => isAuditedSchema(catalog, settings, schema)),
  );
  const foreign = await probeForeignRows(session, targets, tenant, marks);
  const fromFunctions = await probeFunctions(session, functions, {
    tenant,
    others: marks,
    tenantColumns: settings.tenantColumns,
  });
  const unbound = await probeUnbound(session, targets, settings.tenantSettings);
  // Before the last probe: a binding that outlives its transaction refuses every other.
  const control = await bindingControl(session, targets, tenant);
  const lasting = [
    ...(await probePlans(session, targets, [tenant, other])),
    ...(await probeAfterCommit(session, settings.tenantSettings, tenant)),
  ];
  return {
    findings: [...foreign.findings, ...fromFunctions.findings, ...unbound.findings, ...lasting],
    notChecked: distinct([
      ...notChecked,
      ...notCalled,
      ...foreign.notChecked,
      ...fromFunctions.notChecked,
      ...unbound.notChecked,
      ...control,
      ...(seesAll ? await provingNothing(observer, targets, tenant) : []),
    ]),
    tenants: [tenant, other],
    relations: targets.length,
    functions: functions.length,
  };
}

/** What took too long takes too long in each of the probes. */
function distinct(notChecked: readonly NotChecked[]): NotChecked[] {
  return [...new Map(notChecked.map((entry) => [`${entry.object} ${entry.reason}`, entry])).values()];
}

/** A schema of functions alone has no relation by which it could have been left out. */
function isAuditedSchema(catalog: Catalog, settings: AuditSettings, schema: string): boolean {
  return (
    settings.schemas.includes(schema) || !catalog.relations.some((relation) => relation.schema === schema)
  );
}

/** Who sees nothing of another tenant because they see nothing at all have been asked the wrong way. */
async function bindingControl(
  session: ProbeSession,
  targets: readonly Target[],
  tenant: string,
): Promise<NotChecked[]> {
  return session.asTenant(tenant, async (ask) => {
    for (const { relation, tenantColumn } of targets) {
      if (tenantColumn === undefined) continue;
      const answer = await ask(`SELECT FROM ${relation.qualified} WHERE ${tenantColumn}::text = $1 LIMIT 1`, [
        tenant,
      ]);
      if ('rows' in answer && answer.rows.length > 0) return [];
    }
    const reason = `bound to tenant ${tenant}, the role sees no row of that tenant either: perhaps a tenant is bound in another way`;
    return [{ rule: FOREIGN_ROWS.id, object: 'every relation', reason }];
  });
}

/** Tables in which no other tenant has a row: that none was shown means nothing there. */
async function provingNothing(
  observer: ProbeSession,
  targets: readonly Target[],
  tenant: string,
): Promise<NotChecked[]> {
  return observer.withoutTenant(async (ask) => {
    const empty: NotChecked[] = [];
    for (const { relation, tenantColumn } of targets) {
      if (tenantColumn === undefined || relation.isPartition) continue;
      const answer = await ask(
        `SELECT FROM ${relation.qualified} WHERE ${tenantColumn}::text <> $1 LIMIT 1`,
        [tenant],
      );
      if ('rows' in answer && answer.rows.length === 0) {
        empty.push(skipped(relation, 'no other tenant has a row in it, so that none could have been shown'));
      }
    }
    return empty;
  });
}

function nothingProbed(reason: string): ProbeReport {
  return {
    findings: [],
    notChecked: [{ rule: FOREIGN_ROWS.id, object: 'every relation and function', reason }],
    tenants: [],
    relations: 0,
    functions: 0,
  };
}

function merged(reports: readonly ProbeReport[]): ProbeReport {
  return {
    findings: reports.flatMap(({ findings }) => findings),
    notChecked: reports.flatMap(({ notChecked }) => notChecked),
    tenants: [...new Set(reports.flatMap(({ tenants }) => tenants))],
    relations: Math.max(0, ...reports.map(({ relations }) => relations)),
    functions: Math.max(0, ...reports.map(({ functions }) => functions)),
  };
}
