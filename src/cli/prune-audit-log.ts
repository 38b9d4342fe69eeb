import process from 'node:process';
import { tenantryCommand } from '../kernel/config/command-line.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { readConfig } from '../kernel/config/config.js';
import { dropEntries, nextCut } from '../services/audit-trail/drop-entries.js';
import { sealKeys, type SealKeys } from '../services/audit-trail/seal-keys.js';
import { verifyTrail } from '../services/audit-trail/verify-trail.js';
import { readPlans } from '../services/limits/plans.js';
import { eachTrail, type Chosen, type TenantTrail } from './trails.js';

export interface PruneOptions extends Chosen {
  readonly dryRun?: boolean;
}

const DAY_MS = 86_400_000;

/**
 * `tenantry audit-log prune`: drops the entries of each tenant that its plan no longer keeps, and prints one line for each.
 * A trail is verified first; of one that is broken nothing is dropped, nor of a tenant whose plan PLANS_FILE does not have.
 * Then the exit status is 1.
 *
 * @throws ConfigError without keys
 */
export async function prune({ dryRun = false, ...chosen }: PruneOptions): Promise<void> {
  const config = readConfig(process.env, 'command');
  const keys = await sealKeys(config);
  if (!keys) throw new ConfigError('AUDIT_SEAL_KEY is missing: this command needs it.');
  const plans = readPlans(config.plansFile);
  await eachTrail(chosen, async (trail) => {
    const { slug, plan } = trail.tenant;
    let done = 'keeps everything';
    if (!plans.has(plan)) {
      // Another plan must not decide: what is dropped cannot be brought back.
      process.exitCode = 1;
      done += `: PLANS_FILE has no plan ${JSON.stringify(plan)}`;
    } else {
      const { auditDays } = plans.of(plan);
      if (auditDays !== undefined) {
        done = `keeps ${auditDays} days; ${await pruneTrail(trail, { keys, auditDays, dryRun })}`;
      }
    }
    process.stdout.write(`${slug}  ${done}\n`);
  });
}

/** @returns what was done */
async function pruneTrail(
  { tenant, inTenant }: TenantTrail,
  {
    keys,
    auditDays,
    dryRun,
  }: { readonly keys: SealKeys; readonly auditDays: number; readonly dryRun: boolean },
): Promise<string> {
  const order = { tenantId: tenant.id, before: new Date(Date.now() - auditDays * DAY_MS) };
  const seal = await inTenant((query) => nextCut(query, order));
  if (!seal) return 'nothing to drop';
  if (dryRun) return 'would drop entries';
  const { intact } = await inTenant((query) => verifyTrail(query, tenant.id, { keys: keys.trusted }));
  if (!intact) {
    process.exitCode = 1;
    return `BROKEN, nothing is dropped: see \`${tenantryCommand('audit-log verify')}\``;
  }
  let entries = 0;
  let through = '';
  for (;;) {
    const dropped = await inTenant((query) => dropEntries(query, order, keys));
    if (!dropped) return `dropped ${entries} entries, sealed until ${through}`;
    entries += dropped.entries;
    ({ through } = dropped);
  }
}
