/** Proves that a transaction leaves nothing on its connection for the next tenant, however it ended. */
import { setImmediate as turnOfTheEventLoop } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import { LIMITS } from '../../src/create-services.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { contextOf, rejectionOf, useDemoTenants } from '../support/demo-tenants.js';
import { PATIENT } from '../support/patience.js';
import { SETTINGS, type Settings, UNBOUND } from '../support/transaction-settings.js';

async function turnsOfTheEventLoop(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await turnOfTheEventLoop();
}

const database = useDatabase();
const tenants = useDemoTenants(database);

describe('what a transaction leaves behind', () => {
  const withOneConnection = async (work: (opened: Database) => Promise<void>, timeout = LIMITS.timeout) => {
    const opened = openTestDatabase({ url: database().app, poolSize: 1, limits: { ...PATIENT, timeout } });
    try {
      await work(opened);
    } finally {
      await opened.close();
    }
  };
  const settingsOf = async (opened: Database) => {
    const [settings] = await opened.query<Settings & Record<string, unknown>>(SETTINGS.sql);
    return settings!;
  };

  test('a transaction that lasted too long leaves its connection unbound', async () => {
    await withOneConnection(async (opened) => {
      const { acme, globex } = tenants();
      const tooLong = opened.forTenant(acme).transaction(async (tx) => {
        await tx.membership.updateMany({ data: { invitedBy: 'too late' } });
        await tx.$queryRaw(Prisma.sql`SELECT pg_sleep(0.5)::text`);
        await tx.membership.findMany();
      });
      expect(publicError(await rejectionOf(tooLong))?.code).toBe('UNAVAILABLE');
      expect(await settingsOf(opened)).toMatchObject(UNBOUND);
      const others = await opened.forTenant(globex).membership.findMany();
      expect(new Set(others.map(({ tenantId }) => tenantId))).toEqual(new Set([globex.tenantId]));
      expect(await opened.forTenant(acme).membership.count({ where: { invitedBy: 'too late' } })).toBe(0);
    }, 200);
  });

  test('a setting made for the whole session by a raw statement never shows a tenant’s rows to the next', async () => {
    await withOneConnection(async (opened) => {
      const { acme, globex } = tenants();
      await opened
        .forTenant(acme)
        .$queryRaw(Prisma.sql`SELECT set_config('app.current_tenant', ${acme.tenantId}, false)`);
      const answers = await opened
        .forTenant(globex)
        .membership.findMany()
        .then(
          (rows) => rows.map(({ tenantId }) => tenantId),
          (error: unknown) => [sqlState(error)],
        );
      // 25001: tenantry.bind refuses a transaction that is already bound.
      expect(answers.filter((answer) => answer !== globex.tenantId && answer !== '25001')).toEqual([]);
    });
  });

  test('operations still under way when their transaction ends never reach the next tenant’s transaction', async () => {
    await withOneConnection(async (opened) => {
      const { acme, globex } = tenants();
      for (let round = 0; round < 80; round++) {
        const stray: Promise<unknown>[] = [];
        const first = opened.forTenant(acme).transaction(async (tx) => {
          // One operation of several statements. Each is sent when the previous one has been answered.
          stray.push(
            tx.tenant
              .findMany({
                include: { memberships: { include: { tenant: { include: { memberships: true } } } } },
              })
              .catch(() => undefined),
          );
          await turnsOfTheEventLoop(round % 20);
          // Leaves the transaction early, as Promise.all does when one of its operations fails.
          throw new Error('left early on purpose');
        });
        const second = opened.forTenant(globex).transaction(async (tx) => {
          const settings = await tx.$queryRaw<Settings>(SETTINGS);
          const rows = await tx.membership.findMany();
          return [...settings.map(({ tenant }) => tenant), ...rows.map(({ tenantId }) => tenantId)];
        });
        const [left, answered] = await Promise.allSettled([first, second, ...stray]);
        expect(left.status).toBe('rejected');
        expect(answered).toMatchObject({ status: 'fulfilled' });
        if (answered.status === 'fulfilled')
          expect(new Set(answered.value)).toEqual(new Set([globex.tenantId]));
        expect(await settingsOf(opened)).toMatchObject(UNBOUND);
      }
    });
  });

  test('an actor’s name cannot end the statement that binds it', async () => {
    await withOneConnection(async (opened) => {
      const { acme, globex } = tenants();
      const id = `x'; SET app.current_tenant = '${globex.tenantId}'; --`;
      const db = opened.forTenant(contextOf(acme.tenantId, { type: 'user', id }, `'; RESET ALL; --`));
      const [settings] = await db.$queryRaw<Settings>(SETTINGS);
      expect(settings).toMatchObject({ tenant: acme.tenantId, actor: id, request: `'; RESET ALL; --` });
      expect(await settingsOf(opened)).toMatchObject(UNBOUND);
    });
  });
});
