/** The messages of webhooks. */
import type { Webhook, WebhookDelivery } from '../../generated/prisma/client.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';
import { encodeId } from '../../kernel/vocabulary/id.js';
import { isRole, type Permission } from '../../kernel/vocabulary/permissions.js';
import type { ShownRows } from '../../services/webhooks/shown-rows.js';
import { statusOf } from '../api-key/api-key-status.js';
import { idOfEntity } from '../audit-log/entity-id.js';

/** The event of `testWebhook`. */
export const TEST_EVENT = 'webhook.test';

/** What the specification recommends at most. A larger row is left out. */
const MOST_BYTES = 20_000;

/**
 * The body of a message: what happened to which object and, when the webhook asks for it, the object.
 *
 * @throws the errors of the database
 */
export async function messageOf(
  webhook: Pick<Webhook, 'payload' | 'actsFor' | 'apiKeyId'>,
  delivery: Pick<WebhookDelivery, 'event' | 'entity' | 'entityId' | 'occurredAt'>,
  { db, rows }: { readonly db: TenantClient; readonly rows: ShownRows },
): Promise<string> {
  const { event, entity, entityId, occurredAt } = delivery;
  const data = {
    tenant: encodeId('Tenant', db.context.tenantId),
    entity,
    id: entity === null ? null : idOfEntity({ entity, entityId }, rows.recorded),
  };
  const withData = (more: object = {}): string =>
    JSON.stringify({ type: event, timestamp: occurredAt.toISOString(), data: { ...data, ...more } });
  if (webhook.payload !== 'full' || event === TEST_EVENT) return withData();
  const permissions = await permissionsOf(webhook, db, rows);
  const shown = permissions
    ? await rows.read(db, delivery, permissions)
    : ({ missing: 'forbidden' } as const);
  if ('missing' in shown) return withData({ row: null, rowMissing: shown.missing });
  const full = withData({ row: shown.row });
  return Buffer.byteLength(full) <= MOST_BYTES ? full : withData({ row: null, rowMissing: 'too_large' });
}

/**
 * What the member may do now on whose behalf the webhook tells rows; with an API key, only what the key may do as well.
 * Undefined when the member has left, or the key is not accepted any more: then not even what every member may read is told.
 */
async function permissionsOf(
  { actsFor, apiKeyId }: Pick<Webhook, 'actsFor' | 'apiKeyId'>,
  db: TenantClient,
  { roles }: ShownRows,
): Promise<ReadonlySet<Permission> | undefined> {
  const { tenantId } = db.context;
  const [member, key] = await Promise.all([
    db.membership.findUnique({ where: { tenantId_userId: { tenantId, userId: actsFor } } }),
    apiKeyId === null ? null : db.apiKey.findUnique({ where: db.key(apiKeyId) }),
  ]);
  if (!member || !isRole(member.role)) return undefined;
  const held = roles.of(member.role);
  if (apiKeyId === null) return held;
  if (!key || statusOf(key) !== 'active') return undefined;
  return new Set([...held].filter((permission) => key.permissions.includes(permission)));
}
