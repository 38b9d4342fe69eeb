/** The metrics with a label per tenant: see tenant-activity.ts, which bounds their number. */
import { Counter, type Registry } from 'prom-client';
import { encodeId } from '../../kernel/vocabulary/id.js';
import type { TenantActivity, TenantUse } from '../../services/telemetry/tenant-activity.js';

const MS_PER_SECOND = 1_000;

/** Adds them. The label is the id of the tenant in the API, or `other`. */
export function showTenants(registry: Registry, activity: TenantActivity): void {
  const counted = (name: string, help: string, valueOf: (use: Readonly<TenantUse>) => number): void => {
    new Counter({
      name,
      help: `${help} Of the tenants that use the database most, and of all others together.`,
      labelNames: ['tenant'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [tenantId, use] of activity.read()) {
          const tenant = tenantId === 'other' ? tenantId : encodeId('Tenant', tenantId);
          this.inc({ tenant }, valueOf(use));
        }
      },
    });
  };
  counted('tenantry_tenant_requests_total', 'Requests of members and API keys.', ({ requests }) => requests);
  counted('tenantry_tenant_cost_total', 'The cost of operations in points.', ({ cost }) => cost);
  counted(
    'tenantry_tenant_database_seconds_total',
    'How long operations held connections to the database.',
    ({ databaseMs }) => databaseMs / MS_PER_SECOND,
  );
}
