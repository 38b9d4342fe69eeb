/** For the tests of webhooks: a server that may send to this machine, and functions that create webhooks and send. */
import { jobs } from '../../src/platform/webhook/webhook.jobs.js';
import { bareId } from './ids.js';
import { useMutations, type Caller } from './mutations.js';
import { runJobs } from './run-jobs.js';
import { useServer } from './server.js';

export const WEBHOOK =
  'id url description events payload createdBy actsFor rotatedAt disabledAt disabledBecause failingSince';

export interface CreatedWebhook {
  readonly secret: string;
  readonly webhook: { readonly id: string; readonly url: string; readonly events: readonly string[] };
}

export interface DeliveryRow {
  readonly id: string;
  readonly event: string;
  readonly status: string;
  readonly round: number;
  readonly attempts: number;
  readonly answered_status: number | null;
  readonly failure: string | null;
  readonly last_attempt_at: Date | null;
  readonly next_attempt_at: Date | null;
}

/** Call it at the top level. */
export function useWebhooks() {
  const server = useServer({ env: { OUTGOING_ALLOWED_HOSTS: '127.0.0.1' } });
  const { run, succeed, refused } = useMutations(server, ['webhooks', 'webhook_deliveries', 'tenants']);

  const create = async (input: object, caller: Caller = {}): Promise<CreatedWebhook> =>
    (
      await succeed<CreatedWebhook>(
        'createWebhook',
        `secret webhook { ${WEBHOOK} }`,
        { events: ['tenant.updated'], ...input },
        caller,
      )
    ).payload;

  /** Makes the event `tenant.updated`. */
  const happen = async (tenant = 'acme'): Promise<void> => {
    await succeed('updateTenant', 'tenant { id }', { name: `Name ${String(Math.random())}` }, { tenant });
  };

  /** Sends what is queued. @returns how many messages */
  const send = async (tenant = 'acme'): Promise<number> =>
    runJobs(server(), tenant, 'webhook.deliver', jobs['webhook.deliver']!);

  const tellOwners = async (tenant = 'acme'): Promise<number> =>
    runJobs(server(), tenant, 'webhook.tellOwner', jobs['webhook.tellOwner']!);

  /** The deliveries of a webhook, the oldest first. */
  const deliveriesOf = (webhookId: string): Promise<DeliveryRow[]> =>
    server().database.asSuperuser<DeliveryRow>(
      'SELECT * FROM webhook_deliveries WHERE webhook_id = $1 ORDER BY created_at, id',
      [bareId(webhookId)],
    );

  const rowOf = async (webhookId: string): Promise<Readonly<Record<string, unknown>>> => {
    const [row] = await server().database.asSuperuser<Record<string, unknown>>(
      'SELECT * FROM webhooks WHERE id = $1',
      [bareId(webhookId)],
    );
    return row!;
  };

  return { server, run, succeed, refused, create, happen, send, tellOwners, deliveriesOf, rowOf };
}
