/**
 * The job that sends a message once. What came of it, the next attempt, and the end of the job are committed together. So a
 * message may be sent twice, when the worker ends between the answer and the commit; it is never forgotten.
 */
import type { Webhook, WebhookDelivery } from '../../generated/prisma/client.js';
import type { RunningJob } from '../../kernel/graphql/job-handler.js';
import { OutgoingError, type OutgoingFailure } from '../../kernel/outgoing/outgoing-error.js';
import type { TenantTx } from '../../kernel/tenancy/tenant-client.js';
import { codeOf } from '../../kernel/tracing/trace.js';
import { encodeId } from '../../kernel/vocabulary/id.js';
import {
  askedToWait,
  holdAfter,
  isGivenUp,
  isHeldTooLong,
  MOST_ATTEMPTS,
  waitAfter,
  WAITS_MS,
} from '../../services/webhooks/schedule.js';
import { signatureHeaders } from '../../services/webhooks/signature.js';
import { enqueueDelivery, lockDelivery, removeOldDeliveries } from './delivery-rows.js';
import { messageOf, TEST_EVENT } from './message.js';
import { lockWebhook } from './webhook-rows.js';
import { secretsOf } from './webhook-secrets.js';

export type WebhookFailure = Exclude<OutgoingFailure, 'too_large'> | 'disabled' | 'held';

/** How long a receiver may take to answer, in milliseconds; the specification says 15 to 30 seconds. */
export const ANSWER_WITHIN_MS = 20_000;
/** How much of the answer's body is read, and dropped. */
const MOST_ANSWER_BYTES = 65_536;

/** How many old deliveries are removed with the end of one, so that as many go as come. */
const MOST_REMOVED = 100;

/** What came of an attempt: a status, or the reason why there is none. */
interface Outcome {
  readonly status?: number;
  readonly failure?: WebhookFailure;
  /** How long the receiver asks to be left alone. */
  readonly askedMs?: number | undefined;
}

/** Sends a delivery once, unless it has been delivered, given up or deleted meanwhile. */
export async function deliver(
  { deliveryId }: { readonly deliveryId: string },
  job: RunningJob,
): Promise<void> {
  const { db } = job;
  const delivery = await db.webhookDelivery.findUnique({ where: db.key(deliveryId) });
  if (delivery?.status !== 'pending') return;
  const webhook = await db.webhook.findUnique({ where: db.key(delivery.webhookId) });
  if (!webhook) return;
  const isTest = delivery.event === TEST_EVENT;
  if (!isTest && isClosed(webhook)) {
    await conclude(job, delivery, (tx, present) => withoutAttempt(tx, present, delivery));
    return;
  }
  const at = new Date();
  const outcome = await send(job, webhook, delivery, at);
  await conclude(job, delivery, async (tx, present) => {
    const known = {
      attempts: delivery.attempts + 1,
      lastAttemptAt: at,
      answeredStatus: outcome.status ?? null,
      failure: outcome.failure ?? null,
    };
    const isStale = present.revision !== webhook.revision;
    if (isSuccess(outcome)) {
      if (!isStale && present.failingSince) await change(tx, present, { failingSince: null });
      return { ...known, status: 'delivered', deliveredAt: new Date(), nextAttemptAt: null };
    }
    if (isTest) return { ...known, status: 'failed', nextAttemptAt: null };
    // The webhook was repaired during the attempt: what failed was not what is there now.
    if (isStale)
      return { ...known, attempts: delivery.attempts, ...(await again(tx, delivery, inMs(WAITS_MS[0]!))) };
    return { ...known, ...(await afterFailure(tx, present, delivery, outcome)) };
  });
}

/** Nothing is sent now: it is disabled, or its receiver is left alone for a time. */
const isClosed = ({ disabledAt, heldUntil }: Webhook, now = new Date()): boolean =>
  disabledAt !== null || (heldUntil !== null && heldUntil > now);

/** Gives a message up whose webhook is disabled; lets one wait whose receiver is left alone, as long as it has any time. */
async function withoutAttempt(tx: TenantTx, webhook: Webhook, delivery: WebhookDelivery): Promise<Change> {
  const now = new Date();
  if (webhook.disabledAt) return { status: 'failed', failure: 'disabled', nextAttemptAt: null };
  if (webhook.heldUntil === null || webhook.heldUntil <= now) return again(tx, delivery, now);
  if (!isHeldTooLong(webhook.failingSince, delivery.roundBeganAt, now)) {
    return again(tx, delivery, new Date(webhook.heldUntil.getTime() + Math.random() * SPREAD_MS));
  }
  if (isGivenUp(webhook.failingSince, MOST_ATTEMPTS, now)) await disable(tx, webhook, 'failing', now);
  return { status: 'failed', failure: 'held', nextAttemptAt: null };
}

/** Deliveries that wait for the same endpoint do not all go at once when the wait is over. */
const SPREAD_MS = 60_000;

const isSuccess = ({ status }: Outcome): boolean => status !== undefined && status >= 200 && status < 300;

/** @throws when the job is ended early, or the database or the secrets are not available */
async function send(
  { db, signal, context: { webhooks } }: RunningJob,
  webhook: Webhook,
  delivery: WebhookDelivery,
  at: Date,
): Promise<Outcome> {
  const body = await messageOf(webhook, delivery, { db, rows: webhooks.rows });
  const signed = { id: encodeId('WebhookDelivery', delivery.id), at, body };
  const step = db.context.usage?.trace?.child('send webhook', { 'http.request.method': 'POST' }, 'client');
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Tenantry-Webhooks/1',
    ...signatureHeaders(secretsOf(webhook, webhooks.secrets, at), signed),
    ...(step && { traceparent: step.traceparent }),
  };
  try {
    const answer = await webhooks.outgoing.send({
      url: webhook.url,
      method: 'POST',
      headers,
      body,
      withinMs: ANSWER_WITHIN_MS,
      answer: 'ignore',
      maxBytes: MOST_ANSWER_BYTES,
      signal,
    });
    step?.set({ 'http.response.status_code': answer.status });
    step?.end(answer.status >= 400 ? String(answer.status) : undefined);
    return { status: answer.status, askedMs: askedToWait(answer.status, answer.headers['retry-after']) };
  } catch (error) {
    step?.end(error instanceof OutgoingError ? error.reason : codeOf(error));
    if (!(error instanceof OutgoingError)) throw error;
    return { failure: error.reason === 'too_large' ? 'bad_answer' : error.reason };
  }
}

interface Change {
  readonly status?: 'delivered' | 'failed';
  readonly failure?: WebhookFailure | null;
  readonly nextAttemptAt: Date | null;
}

/** Plans the next attempt, or gives the message up, and the endpoint if need be. */
async function afterFailure(
  tx: TenantTx,
  webhook: Webhook,
  delivery: WebhookDelivery,
  { status, failure, askedMs = 0 }: Outcome,
): Promise<Change> {
  const now = new Date();
  const attempt = delivery.attempts + 1;
  const failingSince = webhook.failingSince ?? now;
  // A receiver that hangs is left alone as well: all its messages would keep those of the tenant's other webhooks waiting.
  const holdMs = askedMs > 0 || failure === 'timeout' ? holdAfter(askedMs, failingSince, now) : 0;
  const heldUntil = inMs(holdMs, now);
  // Two answers at the same time may ask for different times.
  const isHeldLonger = holdMs > 0 && (webhook.heldUntil === null || webhook.heldUntil < heldUntil);
  await change(tx, webhook, { failingSince, ...(isHeldLonger && { heldUntil }) });
  if (status === 410) await disable(tx, webhook, 'gone', now);
  else if (isGivenUp(failingSince, attempt, now)) await disable(tx, webhook, 'failing', now);
  const waitMs = status === 410 ? undefined : waitAfter(attempt, holdMs);
  if (waitMs === undefined) return { status: 'failed', nextAttemptAt: null };
  return again(tx, delivery, inMs(waitMs, now));
}

const inMs = (ms: number, now = new Date()): Date => new Date(now.getTime() + ms);

async function again(tx: TenantTx, { id }: WebhookDelivery, runAt: Date): Promise<Change> {
  await enqueueDelivery(tx, id, runAt);
  return { nextAttemptAt: runAt };
}

const change = (tx: TenantTx, { id }: Webhook, data: Partial<Webhook>) =>
  tx.webhook.updateMany({ where: { id }, data });

/** Sends nothing to the endpoint any more, and tells the owners, once. */
async function disable(
  tx: TenantTx,
  webhook: Webhook,
  because: 'gone' | 'failing',
  now: Date,
): Promise<void> {
  if (webhook.disabledAt) return;
  await change(tx, webhook, { disabledAt: now, disabledBecause: because });
  const owners = await tx.membership.findMany({ where: { role: 'owner' }, select: { id: true } });
  for (const owner of owners) {
    await tx.enqueue('webhook.tellOwner', { webhookId: webhook.id, membershipId: owner.id });
  }
}

/**
 * Ends the job with its effects in one transaction. When the delivery was changed meanwhile, because somebody sent it again
 * by hand or another worker was faster, or was deleted with its webhook, this attempt changes nothing.
 *
 * @param work gets the webhook as it is now, which does not change until the end
 */
async function conclude(
  job: RunningJob,
  { id, webhookId, round, attempts }: WebhookDelivery,
  work: (tx: TenantTx, webhook: Webhook) => Promise<Change & Partial<WebhookDelivery>>,
): Promise<void> {
  await job.db.transaction(async (tx) => {
    const webhook = await lockWebhook(tx, webhookId);
    const [present] = await lockDelivery(tx, id);
    if (
      webhook &&
      present?.status === 'pending' &&
      present.round === round &&
      present.attempts === attempts
    ) {
      await tx.webhookDelivery.updateMany({ where: { id }, data: await work(tx, webhook) });
      await removeOldDeliveries(tx, { webhookId, most: MOST_REMOVED });
    }
    await job.completeWith(tx);
  });
}
