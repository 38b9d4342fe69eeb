/**
 * Changes of access that are announced while a client connects or subscribes. The look-up that is still running may
 * return the state before the change, and the server must not keep that. A test decides when the look-up answers.
 */
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { DocumentReader } from '../../src/services/documents/document-reader.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import type { Closing } from '../../src/services/subscriptions/closing.js';
import { Connection, type ConnectionParts } from '../../src/services/subscriptions/connection.js';
import { FARTHEST_BEHIND } from '../../src/services/subscriptions/change-reader.js';
import { Connections } from '../../src/services/subscriptions/connections.js';
import { readSubscription } from '../../src/services/subscriptions/operation.js';
import { ChangeLog } from '../../src/kernel/notifications/change-log.js';
import type { ChangeListener } from '../../src/kernel/notifications/change-events.js';
import type { AccessChange } from '../../src/kernel/notifications/access-invalidations.js';
import type { Access } from '../../src/kernel/auth/resolve-access.js';
import { LocalLedger } from '../../src/services/rates/local-ledger.js';
import { Rates } from '../../src/services/rates/rates.js';
import { largePlan } from '../support/plans.js';
import { notesModule } from '../support/notes.js';
import { until } from '../support/until.js';

const MEMBER: Access = { tenantId: 't-1', slug: 'acme', status: 'active', plan: 'free', role: 'member' };
const api = buildApi([tenantModule, notesModule]);

function staged() {
  let tell: (change: AccessChange | undefined) => void = () => undefined;
  const pending: { resolve(access: Access): void; reject(error: Error): void }[] = [];
  const closings: Closing[] = [];
  let watching = 0;
  let hear: ChangeListener | undefined;
  const log = new ChangeLog();
  const connections = new Connections(
    {
      isLive: true,
      onChange: (listener) => {
        tell = listener;
      },
    },
    10,
  );
  const parts = {
    api,
    connections,
    database: {
      forTenant: () => ({}),
      tenantOnlyReads: async () => ({ models: new Set(), leadingElsewhere: new Set() }),
    },
    changes: {
      forTenant: () => ({
        watch: async (_entity: string, listener: ChangeListener) => {
          hear = listener;
          watching++;
          return () => {
            watching--;
          };
        },
      }),
    },
    authentication: {
      verifyToken: async () => ({
        userId: 'u-1',
        email: undefined,
        tenantRef: 'acme',
        expiresAt: Date.now() + 60_000,
      }),
      access: {
        resolve: () =>
          new Promise<Access>((resolve, reject) => {
            pending.push({ resolve, reject });
          }),
      },
      roles: api.roles,
      planOf: () => largePlan(),
      baseDomain: 'localhost',
    },
    leaving: { see: () => undefined },
    rates: new Rates(new LocalLedger(), 1_000),
    config: { requestTimeoutMs: 10_000, maxAnswerBytes: 1_000_000 },
    accessRecords: { admitted: () => undefined, refused: () => undefined },
    onSubscribed: () => undefined,
  } as unknown as ConnectionParts;
  const connection = new Connection(parts, {
    host: 'localhost',
    address: '127.0.0.1',
    requestId: 'test',
    log: pino({ level: 'silent' }),
    close: (closing) => closings.push(closing),
  });
  return {
    connection,
    closings,
    tell: (change?: AccessChange) => tell(change),
    /** Announces changes to the watchers. */
    change(times: number) {
      for (let number = 0; number < times; number++) {
        const change = {
          number,
          tenantId: 't-1',
          entity: 'Note',
          kind: 'CREATED',
          id: 'n-1',
          keys: {},
        } as const;
        hear?.heard(log.add(change));
      }
    },
    get watching() {
      return watching;
    },
    /** Answers the next look-up as soon as there is one. */
    async answer(access: Partial<Access> = {}) {
      await until('the membership is looked up', () => pending.length > 0);
      pending.shift()!.resolve({ ...MEMBER, ...access });
    },
    async fail(error: Error) {
      await until('the membership is looked up', () => pending.length > 0);
      pending.shift()!.reject(error);
    },
    get asked() {
      return pending.length;
    },
  };
}
type Stage = ReturnType<typeof staged>;

const start = (stage: Stage) => stage.connection.start({ authorization: 'Bearer token' });

async function started(): Promise<Stage> {
  const stage = staged();
  const letIn = start(stage);
  await stage.answer();
  expect(await letIn).toBe(true);
  return stage;
}

const makeSubscription = (stage: Stage) => {
  const reservation = stage.connection.reserve(100);
  return stage.connection.subscribe(
    readSubscription(api.schema, new DocumentReader({ schema: api.schema, hideSuggestions: false }), {
      query: 'subscription { noteChanged { id } }',
    }),
    reservation,
  );
};

describe('news that arrives', () => {
  test('while a client is let in makes the server look again, and let go who has left', async () => {
    const stage = staged();
    const letIn = start(stage);
    await until('the membership is looked up', () => stage.asked === 1);
    stage.tell({ tenantId: 't-1', userId: 'u-1' });
    await stage.answer();
    expect(await letIn).toBe(true);
    await stage.answer({ role: undefined });
    await until('the connection is closed', () => stage.closings.length > 0);
    expect(stage.closings).toMatchObject([{ code: 4403 }]);
  });

  test('while a subscription is made ends it when its permission has gone', async () => {
    const stage = await started();
    const made = makeSubscription(stage);
    await until('the membership is looked up', () => stage.asked === 1);
    stage.tell({ tenantId: 't-1', userId: 'u-1' });
    // Both look-ups began before the change was known: that of the notification and that of the subscription.
    await stage.answer();
    await stage.answer();
    const subscription = await made;
    await stage.answer({ role: 'viewer' });
    if (!('next' in subscription)) throw new Error('there is no subscription');
    await expect(subscription.next()).rejects.toMatchObject({ extensions: { requires: 'notes:read' } });
    expect(stage.watching).toBe(0);
    expect(stage.closings).toEqual([]);
  });

  test('of another member asks nothing', async () => {
    const stage = await started();
    stage.tell({ tenantId: 't-1', userId: 'u-2' });
    stage.tell({ tenantId: 't-2' });
    stage.tell({ tenantId: 't-1' });
    await until('the membership is looked up', () => stage.asked > 0);
    await new Promise(setImmediate);
    expect(stage.asked).toBe(1);
  });
});

test('a client that has gone while it was let in is forgotten, and so is what it subscribed to', async () => {
  const gone = staged();
  const letIn = start(gone);
  gone.connection.closed();
  await gone.answer();
  expect(await letIn).toBe(false);

  const stage = await started();
  const made = makeSubscription(stage);
  await until('the membership is looked up', () => stage.asked === 1);
  stage.connection.closed();
  await stage.answer();
  await made;
  expect(stage.watching).toBe(0);
  expect(stage.connection.subscriptions).toBe(0);
});

test('a look-up that fails while a client is connected lets it go, to come again', async () => {
  const stage = await started();
  stage.tell({ tenantId: 't-1' });
  await stage.fail(new Error('connect ECONNREFUSED 127.0.0.1:5432'));
  await until('the connection is closed', () => stage.closings.length > 0);
  expect(stage.closings).toMatchObject([{ code: 1013 }]);
  expect(stage.closings[0]!.message).not.toContain('127.0.0.1');
});

describe('a subscription that is too far behind ends', () => {
  async function subscribed() {
    const stage = await started();
    const made = makeSubscription(stage);
    await stage.answer();
    const subscription = await made;
    if (!('next' in subscription)) throw new Error('there is no subscription');
    return { stage, subscription };
  }

  test('with 1012 when the server was too slow', async () => {
    const { stage, subscription } = await subscribed();
    const told = subscription.next();
    stage.change(1);
    // The server handles the first change and waits for its look-up.
    await until('the membership is looked up', () => stage.asked === 1);
    stage.change(FARTHEST_BEHIND + 1);
    expect(stage.closings).toMatchObject([{ code: 1012, message: 'Events may have been missed.' }]);
    await stage.answer();
    expect(await told).toEqual({ value: undefined, done: true });
    expect(stage.watching).toBe(0);
  });

  test('with 1013 when its client was, at once and not when it reads again', async () => {
    const { stage, subscription } = await subscribed();
    const told = subscription.next();
    const before = performance.now();
    stage.change(1);
    await stage.answer();
    expect((await told).done).toBe(false);
    const served = performance.now();
    await until('the client has taken longer', () => performance.now() - served > 2 * (served - before));
    stage.change(FARTHEST_BEHIND + 1);
    expect(stage.closings).toMatchObject([{ code: 1013 }]);
    expect(stage.watching).toBe(0);
  });
});
