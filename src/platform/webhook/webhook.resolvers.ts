import { z } from 'zod';
import type {
  Resolvers,
  WebhookDeliveryFilter,
  WebhookDeliveryOrderField,
  WebhookFilter,
  WebhookOrderField,
} from '../../generated/graphql.js';
import { Prisma, type Webhook } from '../../generated/prisma/client.js';
import { Page } from '../../kernel/graphql/connection.js';
import { searchable, within } from '../../kernel/graphql/filter.js';
import { given, optional, parseInput, text } from '../../kernel/graphql/input.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import { sortBy, type SortKey } from '../../kernel/graphql/sort-key.js';
import { OutgoingError } from '../../kernel/outgoing/outgoing-error.js';
import type { TenantTx } from '../../kernel/tenancy/tenant-client.js';
import { badInput, notFound } from '../../kernel/vocabulary/errors.js';
import { newSigningSecret } from '../../services/webhooks/signature.js';
import { idOfEntity } from '../audit-log/entity-id.js';
import { memberByUser } from '../membership/member-by-user.js';
import { enqueueDelivery } from './delivery-rows.js';
import { EVENT, refuseUnknownEvents } from './events.js';
import { TEST_EVENT } from './message.js';
import { ANOTHER_REVISION, lockWebhook, UNTRIED } from './webhook-rows.js';
import { placeOf } from './webhook-secrets.js';

const url = text(1, 2_048);
const events = z
  .array(text(1, 100).regex(EVENT, 'must be an action of the audit log, as in membership.updated'))
  .min(1, 'must name at least one event')
  .max(50, 'must name at most 50 events')
  .transform((names) => [...new Set(names)].sort());
const description = text(0, 200).nullish();
const payload = z.enum(['thin', 'full']);
const createInput = z.object({ url, events, description, payload });
const updateInput = z.object({
  id: z.string(),
  url: optional(url),
  events: optional(events),
  description,
  payload: optional(payload),
  enabled: z.boolean().nullish(),
});

const WEBHOOKS_BY: Readonly<Record<WebhookOrderField, SortKey>> = {
  CREATED_AT: sortBy('Webhook', 'createdAt'),
};
const DELIVERIES_BY: Readonly<Record<WebhookDeliveryOrderField, SortKey>> = {
  CREATED_AT: sortBy('WebhookDelivery', 'createdAt'),
};

export const resolvers: Resolvers = {
  WebhookPayloadKind: { THIN: 'thin', FULL: 'full' },
  WebhookDisabledReason: { BY_HAND: 'by_hand', GONE: 'gone', FAILING: 'failing' },
  WebhookDeliveryStatus: { PENDING: 'pending', DELIVERED: 'delivered', FAILED: 'failed' },
  WebhookFailure: {
    URL: 'url',
    NO_PUBLIC_ADDRESS: 'no_public_address',
    UNREACHABLE: 'unreachable',
    TLS: 'tls',
    TIMEOUT: 'timeout',
    BAD_ANSWER: 'bad_answer',
    DISABLED: 'disabled',
    HELD: 'held',
  },
  Webhook: {
    createdByMember: ({ createdBy }, _args, context) => memberByUser(context, createdBy),
  },
  WebhookDelivery: {
    webhook: async ({ webhookId }, _args, { db, loaders }) =>
      (await loaders.load('webhook', webhookId, async (ids) => {
        const found = await db.webhook.findMany({ where: { id: { in: [...ids] } } });
        return new Map(found.map((each) => [each.id, each]));
      })) ?? null,
    entityId: ({ entity, entityId }, _args, { recorded }) =>
      entity === null ? null : idOfEntity({ entity, entityId }, recorded),
  },
  Query: {
    webhooks: async (_parent, { filter, orderBy, ...args }, { db }) => {
      const page = new Page(args, {
        key: WEBHOOKS_BY[orderBy?.field ?? 'CREATED_AT'],
        direction: orderBy?.direction ?? 'desc',
      });
      const where = chosenWebhooks(searchable(filter) ?? {});
      const rows = await db.webhook.findMany({ ...page.query, where: { ...page.query.where, ...where } });
      return page.connection(rows, () => db.webhook.count({ where }));
    },
    webhookDeliveries: async (_parent, { filter, orderBy, ...args }, { db }) => {
      const page = new Page(args, {
        key: DELIVERIES_BY[orderBy?.field ?? 'CREATED_AT'],
        direction: orderBy?.direction ?? 'desc',
      });
      const where = chosenDeliveries(searchable(filter) ?? {});
      const rows = await db.webhookDelivery.findMany({
        ...page.query,
        where: { ...page.query.where, ...where },
      });
      return page.connection(rows, () => db.webhookDelivery.count({ where }));
    },
  },
  Mutation: {
    createWebhook: async (_parent, { input }, context) => {
      const { description: name, ...data } = parseInput(createInput, input);
      const { db, viewer, webhooks } = context;
      const secret = newSigningSecret();
      const webhook = await db.transaction(async (tx) => {
        await refuseUnknownEvents(tx, data.events);
        const [made] = await tx.$queryRaw<{ id: string }>(Prisma.sql`SELECT tenantry.uuid_v7() AS id`);
        const { id } = made!;
        return tx.webhook.create({
          data: {
            id,
            ...data,
            url: acceptedUrl(context, data.url),
            description: name ?? null,
            createdBy: viewer.userId,
            ...actingFor(context),
            sealedSecret: webhooks.secrets.seal(secret, placeOf({ tenantId: viewer.tenantId, id })),
          },
        });
      });
      return { secret, webhook };
    },
    updateWebhook: async (_parent, { input }, context) => {
      const { id, description: name, enabled, ...rest } = parseInput(updateInput, input);
      const sent = given({
        ...rest,
        url: rest.url === undefined ? undefined : acceptedUrl(context, rest.url),
      });
      const isSentElsewhere = Object.keys(sent).length > 0 || enabled === true;
      if (!isSentElsewhere && name === undefined && enabled == null) {
        throw badInput('Say what to change: url, events, description, payload, enabled.', 'input');
      }
      return context.db.transaction(async (tx) => {
        if (rest.events) await refuseUnknownEvents(tx, rest.events);
        const present = await lockedWebhook(tx, id);
        const isAnotherUrl = rest.url !== undefined && sent.url !== present.url;
        const webhook = await tx.webhook.update({
          where: tx.key(present.id),
          data: {
            ...sent,
            ...(name !== undefined && { description: name }),
            ...(isSentElsewhere && actingFor(context)),
            ...((isAnotherUrl || enabled === true) && { ...ANOTHER_REVISION, ...UNTRIED }),
            ...(enabled === true && { disabledAt: null, disabledBecause: null }),
            ...(enabled === false &&
              present.disabledAt === null && { disabledAt: new Date(), disabledBecause: 'by_hand' }),
          },
        });
        return { webhook };
      });
    },
    deleteWebhook: async (_parent, { input }, { db }) => {
      const { id } = await db.webhook.delete({ where: db.key(input.id), select: { id: true } });
      return { deletedId: id };
    },
    rotateWebhookSecret: async (_parent, { input }, { db, viewer, webhooks }) => {
      const secret = newSigningSecret();
      const webhook = await db.transaction(async (tx) => {
        const { id, sealedSecret } = await lockedWebhook(tx, input.id);
        return tx.webhook.update({
          where: tx.key(id),
          data: {
            sealedSecret: webhooks.secrets.seal(secret, placeOf({ tenantId: viewer.tenantId, id })),
            formerSealedSecret: sealedSecret,
            rotatedAt: new Date(),
            ...ANOTHER_REVISION,
          },
        });
      });
      return { secret, webhook };
    },
    testWebhook: (_parent, { input }, { db }) =>
      db.transaction(async (tx) => {
        const { id: webhookId } = await lockedWebhook(tx, input.id);
        const delivery = await tx.webhookDelivery.create({
          data: { webhookId, event: TEST_EVENT, occurredAt: new Date() },
        });
        await enqueueDelivery(tx, delivery.id);
        await tx.$executeRaw(
          Prisma.sql`SELECT tenantry.record_audit('webhook.tested', 'Webhook', ${webhookId})`,
        );
        return { delivery };
      }),
    redeliver: (_parent, { input }, { db }) =>
      db.transaction(async (tx) => {
        const where = tx.key(input.id);
        // A delivery that is under way belongs to another round, and changes nothing of this one.
        const delivery = await tx.webhookDelivery.update({
          where,
          data: {
            status: 'pending',
            round: { increment: 1 },
            roundBeganAt: new Date(),
            attempts: 0,
            failure: null,
            deliveredAt: null,
            nextAttemptAt: null,
          },
        });
        await enqueueDelivery(tx, delivery.id);
        await tx.$executeRaw(
          Prisma.sql`SELECT tenantry.record_audit('webhook_delivery.redelivered', 'WebhookDelivery', ${delivery.id})`,
        );
        return { delivery };
      }),
  },
};

/** @throws BAD_USER_INPUT for a URL that may not be asked; the addresses of its host are looked at when it is asked */
function acceptedUrl({ webhooks }: RequestContext, given: string): string {
  try {
    return webhooks.outgoing.check(given).href;
  } catch (error) {
    if (error instanceof OutgoingError) throw badInput(`input.url: ${error.message}`, 'input.url');
    throw error;
  }
}

/** The caller, as the one whose permissions a full payload has. */
const actingFor = ({ viewer: { actor, memberId } }: RequestContext) => ({
  actsFor: memberId,
  apiKeyId: actor.type === 'api_key' ? actor.id : null,
});

/** Two changes of a webhook come one after the other. @throws NOT_FOUND */
async function lockedWebhook(tx: TenantTx, id: string): Promise<Webhook> {
  const webhook = await lockWebhook(tx, tx.key(id).tenantId_id.id);
  if (!webhook) throw notFound();
  return webhook;
}

const chosenWebhooks = ({ enabled, event, createdAt }: WebhookFilter) => ({
  ...(enabled != null && { disabledAt: enabled ? null : { not: null } }),
  ...(event != null && { events: { has: event } }),
  ...(createdAt != null && { createdAt: within(createdAt) }),
});

const chosenDeliveries = ({ webhookId, status, event, createdAt }: WebhookDeliveryFilter) => ({
  ...(webhookId != null && { webhookId }),
  ...(status != null && { status }),
  ...(event != null && { event }),
  ...(createdAt != null && { createdAt: within(createdAt) }),
});
