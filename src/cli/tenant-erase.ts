import process from 'node:process';
import { Command } from 'commander';
import { tenantryCommand } from '../kernel/config/command-line.js';
import { readConfig } from '../kernel/config/config.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { modules } from '../modules.js';
import { sealKeys } from '../services/audit-trail/seal-keys.js';
import { eraseTenant, planErasure, storesOf } from '../services/lifecycle/erase-tenant.js';
import { readPlans } from '../services/limits/plans.js';
import { isId } from '../kernel/vocabulary/id.js';
import { forgetTenant } from '../services/operator/cells.js';
import { cellOfSlug, cellOfTenant } from '../services/operator/operator-cells.js';
import { findErasure, requestErasure } from '../services/operator/erasures.js';
import type { OperatorConnection } from '../services/operator/operator-connection.js';
import { asOperator, asOperatorAt } from './as-operator.js';
import { printRows } from './output.js';
import { reasonOf, reasonOption, type Reasoned } from './reason.js';

interface EraseOptions extends Reasoned {
  readonly now?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `tenantry tenant erase SLUG --now --yes` erases a tenant for ever: docs/tenant-life.md. */
export const tenantEraseCommand = (): Command =>
  new Command('erase')
    .description('Erase a tenant for ever; without --yes, only say what would be erased')
    .argument('<slug>')
    .option('--now', 'without a waiting period')
    .option('--yes', 'do it')
    .addOption(reasonOption())
    .option('--json', 'print JSON also on a terminal')
    .action(async (slug: string, options: EraseOptions) => {
      const { now = false, yes = false } = options;
      if (yes && !now) throw new ConfigError('Say --now: an owner can ask for an erasure that waits.');
      const config = readConfig(process.env, 'command');
      const plans = readPlans(config.plansFile);
      const keys = await sealKeys(config);
      const cell = await asOperator((home) => cellOfTenantNamed(home, slug));
      await asOperatorAt(cell, async (connection) => {
        const tenant = await tenantOf(connection, slug);
        const keepTrail = plans.of(tenant.plan).auditAfterErasure === 'keep';
        if (!yes) {
          const { tables } = await planErasure(connection, tenant.id, keepTrail);
          const found = tables.filter(({ rows }) => rows > 0);
          if (options.json || !process.stdout.isTTY) print({ slug, dryRun: true, keepTrail, tables: found });
          else printRows(found, options);
          process.stderr.write('Nothing was erased: add --now --yes to erase the tenant for ever.\n');
          return;
        }
        if (tenant.slug !== null && !(await hasBegun(connection, tenant.id))) {
          // The reason is in the audit log of the tenant, which some plans keep.
          const reason = reasonOf(options, 'tenant erase');
          const { slug } = tenant;
          await requestErasure(connection, { slug, confirm: `erase ${slug}`, reason, waitSeconds: 0 });
        }
        const order = { tenantId: tenant.id, stores: storesOf(modules), keepTrail, keys };
        print((await eraseTenant(connection, order)) ?? {});
        if (cell !== undefined) await asOperator((home) => forgetTenant(home, tenant.id, cell));
      });
    });

/** The cell of a tenant that is named by its slug or, after an erasure was cut off, by its id. */
const cellOfTenantNamed = async (home: OperatorConnection, name: string): Promise<string | undefined> =>
  isId(name) ? cellOfTenant(home, name) : cellOfSlug(home, name);

async function hasBegun(connection: OperatorConnection, tenantId: string): Promise<boolean> {
  return (await findErasure(connection, tenantId))?.state === 'running';
}

/** The tenant; after an erasure was cut off, its row may be gone, and its id is the name. */
async function tenantOf(
  connection: OperatorConnection,
  slug: string,
): Promise<{ readonly id: string; readonly plan: string; readonly slug: string | null }> {
  const [tenant] = await connection.query<{ id: string; plan: string; slug: string | null }>(
    `SELECT t.id::text AS id, t.plan, t.slug FROM public.tenants t WHERE t.slug = $1
     UNION ALL
     SELECT e.subject::text, '', NULL FROM tenantry.erasures e
     WHERE e.subject::text = $1 AND NOT EXISTS (SELECT FROM public.tenants t WHERE t.id = e.subject)`,
    [slug],
  );
  if (!tenant) {
    const [running] = await connection.query<{ subject: string }>(
      `SELECT e.subject::text AS subject FROM tenantry.erasures e
       WHERE NOT EXISTS (SELECT FROM public.tenants t WHERE t.id = e.subject) ORDER BY e.started_at LIMIT 1`,
    );
    throw new ConfigError(
      `There is no tenant ${slug}.` +
        (running
          ? ` An erasure was cut off near its end: go on with \`${tenantryCommand(`tenant erase ${running.subject} --now --yes`)}\`.`
          : ''),
    );
  }
  return tenant;
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
