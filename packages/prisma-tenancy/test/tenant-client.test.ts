/** The client of one tenant, in a database that has only plain row-level security. */
import { Prisma } from './generated/client.js';
import { NoTenantError, tenancy } from '@tenantry/prisma-tenancy';
import { describe, expect, test } from 'vitest';
import { ACME, bySetting, GLOBEX, useClients } from './use-clients.js';

const clients = useClients();
const db = (tenantId = ACME) => clients().prisma.$forTenant(tenantId);
const stored = (name: string) =>
  clients().database.query<{ tenant_id: string }>('SELECT tenant_id FROM projects WHERE name = $1', [name]);

describe('isolation', () => {
  test('an operation sees and changes the rows of its tenant only', async () => {
    await db(ACME).project.create({ data: { name: 'of acme' } });
    await db(GLOBEX).project.create({ data: { name: 'of globex' } });

    expect(await db(ACME).project.findMany({ where: { name: { startsWith: 'of ' } } })).toMatchObject([
      { tenantId: ACME, name: 'of acme' },
    ]);
    expect(
      await db(ACME).project.updateMany({ where: { name: 'of globex' }, data: { name: 'taken' } }),
    ).toEqual({
      count: 0,
    });
    expect(await db(ACME).project.deleteMany({ where: { name: 'of globex' } })).toEqual({ count: 0 });
    await expect(db(ACME).project.create({ data: { tenantId: GLOBEX, name: 'planted' } })).rejects.toThrow(
      'row-level security',
    );
    expect(await stored('planted')).toEqual([]);
  });

  test('clients of two tenants that are used at the same time keep to their own', async () => {
    await db(ACME).project.create({ data: { name: 'same name' } });
    await db(GLOBEX).project.create({ data: { name: 'same name' } });
    const ask = (tenantId: string) =>
      Promise.all(
        Array.from({ length: 10 }, () => db(tenantId).project.findMany({ where: { name: 'same name' } })),
      );

    const [ofAcme, ofGlobex] = await Promise.all([ask(ACME), ask(GLOBEX)]);

    expect(new Set(ofAcme.flat().map((project) => project.tenantId))).toEqual(new Set([ACME]));
    expect(new Set(ofGlobex.flat().map((project) => project.tenantId))).toEqual(new Set([GLOBEX]));
  });

  test('nothing of a tenant is left on the connections of the pool', async () => {
    const { prisma, pool } = clients().another({}, 1);
    const left = async () => {
      const { rows } = await pool.query<{ tenant: string | null; status: string }>(
        "SELECT current_setting('app.current_tenant', true) AS tenant, pg_current_xact_id_if_assigned()::text AS status",
      );
      return rows[0];
    };
    const tenant = prisma.$forTenant(ACME);

    await tenant.project.create({ data: { name: 'left' } });
    expect(await left()).toEqual({ tenant: '', status: null });
    await tenant.project.create({ data: { name: 'left' } }).catch(() => undefined);
    expect(await left()).toEqual({ tenant: '', status: null });
    await tenant.$transaction((tx) => tx.$queryRaw`SELECT 1 / 0`).catch(() => undefined);
    expect(await left()).toEqual({ tenant: '', status: null });
  });
});

describe('the client without a tenant', () => {
  test('refuses every operation', async () => {
    const { prisma } = clients();
    const refused = (operation: PromiseLike<unknown>) => expect(operation).rejects.toThrow(NoTenantError);

    await refused(prisma.project.findMany());
    await refused(prisma.project.create({ data: { name: 'without a tenant' } }));
    await refused(prisma.$queryRaw`SELECT 1`);
    await refused(prisma.$executeRaw(Prisma.sql`SELECT 1`));
    // eslint-disable-next-line no-restricted-syntax -- it has to be refused
    await refused(prisma.$queryRawUnsafe('SELECT 1'));
    // eslint-disable-next-line no-restricted-syntax -- it has to be refused
    await refused(prisma.$executeRawUnsafe('SELECT 1'));
    await refused((prisma.$transaction as (work: unknown) => Promise<never>)(() => Promise.resolve()));
    expect(await stored('without a tenant')).toEqual([]);
  });

  test('says which operation it was', async () => {
    await expect(clients().prisma.task.count()).rejects.toThrow('Task.count was called on a client');
  });

  test('sends nothing', async () => {
    const { prisma, sentBy } = clients();

    expect(await sentBy(() => prisma.project.findMany().catch(() => undefined))).toEqual([]);
  });

  test('does not lead to the client that was extended', () => {
    expect((clients().prisma as { $parent?: unknown }).$parent).toBeUndefined();
  });

  test('is not reached from a bound client', () => {
    const reachable = [...ownAndInherited(db()), ...ownAndInherited(db().project)];

    expect(reachable.filter((name) => /^_|parent|extends|unsafe|constructor|internal/i.test(name))).toEqual([
      'constructor',
      'constructor',
    ]);
  });
});

function ownAndInherited(object: object): string[] {
  const names = new Set<string>();
  for (let each: unknown = object; each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
  }
  return [...names];
}

describe('reads of one tick', () => {
  test('a read that fails does not fail the others', async () => {
    const tenant = db();
    await tenant.project.create({ data: { name: 'healthy' } });

    const [before, failed, after] = await Promise.allSettled([
      tenant.project.count({ where: { name: 'healthy' } }),
      tenant.project.findFirstOrThrow({ where: { name: 'no such project' } }),
      tenant.project.findMany({ where: { name: 'healthy' } }),
    ]);

    expect(before).toMatchObject({ status: 'fulfilled', value: 1 });
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'P2025' } });
    expect(after).toMatchObject({ status: 'fulfilled', value: [{ name: 'healthy' }] });
  });

  test('of clients of two tenants are not put together', async () => {
    await db(GLOBEX).project.create({ data: { name: 'apart' } });

    expect(
      await Promise.all(
        [ACME, GLOBEX].map((tenantId) => db(tenantId).project.count({ where: { name: 'apart' } })),
      ),
    ).toEqual([0, 1]);
  });

  test('all fail when there is no transaction', async () => {
    const tenant = clients().prisma.$forTenant('no uuid');

    const answers = await Promise.allSettled([tenant.project.count(), tenant.task.count()]);

    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

describe('raw statements', () => {
  test('run inside the tenant, as templates and as Prisma.sql', async () => {
    const tenant = db();
    const name = 'raw';
    expect(await tenant.$executeRaw`INSERT INTO projects (name) VALUES (${name})`).toBe(1);

    expect(await tenant.$queryRaw`SELECT tenant_id FROM projects WHERE name = ${name}`).toEqual([
      { tenant_id: ACME },
    ]);
    expect(
      await db(GLOBEX).$queryRaw(Prisma.sql`SELECT tenant_id FROM projects WHERE name = ${name}`),
    ).toEqual([]);
    expect(
      await tenant.$queryRaw`UPDATE projects SET name = 'raw 2' WHERE name = ${name} RETURNING name`,
    ).toEqual([{ name: 'raw 2' }]);
  });
});

describe('the binding', () => {
  test('a context without a tenant binds nothing and runs nothing', async () => {
    const { prisma, sentBy } = clients();
    for (const tenantId of ['', undefined, null, 7]) {
      const sent = await sentBy(() =>
        expect(prisma.$forTenant(tenantId as string).project.count()).rejects.toThrow(
          'the setting app.current_tenant has no value',
        ),
      );
      expect(sent.filter((text) => !/^(BEGIN|ROLLBACK)$/.test(text))).toEqual([]);
    }
  });

  test('may be a statement, and several settings', async () => {
    const { another } = clients();
    const byStatement = another({
      settings: undefined,
      bind: (tenantId) => Prisma.sql`SELECT set_config('app.current_tenant', ${tenantId}, true)`,
    }).prisma;
    const bySettings = another({
      settings: (tenantId) => ({ 'app.current_tenant': tenantId, 'app.actor': "o'neill" }),
    }).prisma;

    expect(
      await byStatement.$forTenant(ACME).$queryRaw`SELECT current_setting('app.current_tenant') AS it`,
    ).toEqual([{ it: ACME }]);
    expect(await bySettings.$forTenant(ACME).$queryRaw`SELECT current_setting('app.actor') AS it`).toEqual([
      { it: "o'neill" },
    ]);
  });

  test('settings are required', () => {
    expect(() => clients().base.$extends(tenancy({} as never))).toThrow(TypeError);
  });
});

test('extensions made before it apply to the bound client, and their methods run inside the tenant', async () => {
  const prisma = clients()
    .base.$extends({
      model: {
        project: {
          rename(from: string, to: string) {
            return Prisma.getExtensionContext(this).updateMany({ where: { name: from }, data: { name: to } });
          },
        },
      },
      result: { project: { title: { needs: { name: true }, compute: ({ name }) => name.toUpperCase() } } },
    })
    .$extends(tenancy(bySetting));
  await prisma.$forTenant(ACME).project.create({ data: { name: 'extended' } });

  expect(await prisma.$forTenant(GLOBEX).project.rename('extended', 'taken')).toEqual({ count: 0 });
  expect(await prisma.$forTenant(ACME).project.rename('extended', 'renamed')).toEqual({ count: 1 });
  expect(await prisma.$forTenant(ACME).project.findFirst({ where: { name: 'renamed' } })).toMatchObject({
    title: 'RENAMED',
  });
});

test('deleting cascades inside the tenant', async () => {
  const tenant = db();
  const { id } = await tenant.project.create({
    data: { name: 'parent', tasks: { create: { title: 'child of parent' } } },
  });

  await tenant.project.delete({ where: { tenantId_id: { tenantId: ACME, id } } });

  expect(await tenant.task.count({ where: { title: 'child of parent' } })).toBe(0);
});
