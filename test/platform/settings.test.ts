/** The settings that modules declare: what a tenant may set, what its members read, and what code gets. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { modules as installedModules } from '../../src/modules.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { Settings } from '../../src/services/settings/settings.js';
import { useMutations } from '../support/mutations.js';
import { auditRows } from '../support/rows.js';
import { useServer } from '../support/server.js';

declare module '../../src/kernel/vocabulary/settings.js' {
  interface TenantSettings {
    readonly replyWithinHours: number;
    readonly officeHours: { readonly from: number; readonly to: number };
  }
}

const office = defineModule({
  name: 'office',
  typeDefs: 'extend type Query { officeIsOpen: Boolean @authenticated }',
  resolvers: {},
  settings: {
    replyWithinHours: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(72, 'must be at most 72')
      .default(24)
      .describe('How soon support answers.'),
    officeHours: z
      .strictObject({ from: z.int().min(0).max(23), to: z.int().min(0).max(23) })
      .default({ from: 9, to: 17 }),
  },
});
const modules = [...installedModules, office];

const server = useServer({ modules });
const { succeed, refused, clientOf } = useMutations(server, ['tenants']);

const LIST = '{ settings { name description jsonSchema value defaultValue } tenant { settings } }';
interface Listed {
  readonly settings: readonly { readonly name: string; readonly value: unknown }[];
  readonly tenant: { readonly settings: Record<string, unknown> };
}
const settingsOf = async (tenant: string, user = 'owner') =>
  (await (await clientOf(user, tenant)).query<Listed>(LIST)).data;
const readByCode = async (tenant: string) => {
  const { services, database } = server();
  const tenantId = await database.tenantId(tenant);
  const db = services.database.forTenant({
    tenantId,
    actor: { type: 'system', id: 'test' },
    requestId: 'test',
  });
  return services.moduleContext.settings.read(db);
};

describe('settings', () => {
  test('are listed with their schemas, defaults and values', async () => {
    const { settings } = await settingsOf('globex');
    expect(settings.filter(({ name }) => name !== 'conversationDeletion')).toEqual([
      {
        name: 'officeHours',
        description: null,
        jsonSchema: expect.objectContaining({ type: 'object', required: ['from', 'to'] }) as object,
        value: { from: 9, to: 17 },
        defaultValue: { from: 9, to: 17 },
      },
      {
        name: 'replyWithinHours',
        description: 'How soon support answers.',
        jsonSchema: { type: 'integer', minimum: 1, maximum: 72, default: 24 },
        value: 24,
        defaultValue: 24,
      },
    ]);
  });

  test('are changed one by one, recorded, read by code with their types, and taken back', async () => {
    const selection = 'tenant { settings } settings { name value }';
    const { payload, entries } = await succeed<Listed>('updateTenantSettings', selection, {
      settings: { replyWithinHours: 8 },
    });
    expect(payload.tenant.settings).toMatchObject({ replyWithinHours: 8 });
    expect(payload.settings).toContainEqual({ name: 'replyWithinHours', value: 8 });
    expect(entries).toMatchObject([
      { action: 'tenant.updated', new_value: { settings: { replyWithinHours: 8 } } },
    ]);
    await succeed('updateTenantSettings', selection, { settings: { officeHours: { from: 8, to: 16 } } });
    const hours: number = (await readByCode('acme')).replyWithinHours;
    expect([hours, (await readByCode('acme')).officeHours]).toEqual([8, { from: 8, to: 16 }]);
    expect(await readByCode('globex')).toMatchObject({ replyWithinHours: 24 });
    const back = await succeed<Listed>('updateTenantSettings', selection, {
      settings: { replyWithinHours: null },
    });
    expect(back.payload.tenant.settings).not.toHaveProperty('replyWithinHours');
    expect(await readByCode('acme')).toMatchObject({
      replyWithinHours: 24,
      officeHours: { from: 8, to: 16 },
    });
  });

  test.each<[string, Record<string, unknown>, string, RegExp]>([
    ['of the wrong type', { replyWithinHours: 'soon' }, 'input.settings.replyWithinHours', /whole number/],
    ['out of range', { replyWithinHours: 73 }, 'input.settings.replyWithinHours', /at most 72/],
    ['wrong inside', { officeHours: { from: 9, to: 25 } }, 'input.settings.officeHours.to', /23/],
    ['with too much', { officeHours: { from: 9, to: 5, at: 1 } }, 'input.settings.officeHours', /at/],
    [
      'that nobody declares',
      { colour: 'red' },
      'input.settings.colour',
      /is no setting: there are .*officeHours/,
    ],
    ['that every object has', { toString: 'x' }, 'input.settings.toString', /is no setting/],
  ])(
    'are refused when one is %s, with its path, and nothing changes',
    async (_what, settings, field, message) => {
      const { code, ...details } = await refused('updateTenantSettings', 'tenant { id }', {
        settings: { officeHours: { from: 1, to: 2 }, ...settings },
      });
      expect([code, details['field']]).toEqual(['BAD_USER_INPUT', field]);
      const { errors } = await (
        await clientOf('owner', 'acme')
      ).query(
        'mutation ($settings: JSONObject!) { updateTenantSettings(input: { settings: $settings }) { tenant { id } } }',
        { settings },
      );
      expect(errors[0]?.message).toMatch(message);
    },
  );

  test('name every setting that is wrong', async () => {
    const { problems } = await refused('updateTenantSettings', 'tenant { id }', {
      settings: { replyWithinHours: 0, colour: 'red' },
    });
    expect(problems).toMatchObject([
      { field: 'input.settings.replyWithinHours' },
      { field: 'input.settings.colour' },
    ]);
  });

  test('are checked by updateTenant, too, which also takes names that nobody declares', async () => {
    const { field } = await refused('updateTenant', 'tenant { id }', { settings: { replyWithinHours: 100 } });
    expect(field).toBe('input.settings.replyWithinHours');
    await succeed('updateTenant', 'tenant { id }', { settings: { theme: 'dark', replyWithinHours: 3 } });
    expect((await settingsOf('acme')).tenant.settings).toEqual({ theme: 'dark', replyWithinHours: 3 });
  });

  test('that are stored and not valid any more have their default', async () => {
    await server().database.asSuperuser(
      `UPDATE tenants SET settings = '{"replyWithinHours": 1000, "officeHours": []}' WHERE slug = 'globex'`,
    );
    expect(await readByCode('globex')).toMatchObject({
      replyWithinHours: 24,
      officeHours: { from: 9, to: 17 },
    });
    await server().database.asSuperuser("UPDATE tenants SET settings = '[1]' WHERE slug = 'globex'");
    expect(await readByCode('globex')).toMatchObject({ replyWithinHours: 24 });
  });

  test('survive changes at the same time', async () => {
    const client = await clientOf('owner', 'acme');
    const change = (settings: object) =>
      client.query(
        'mutation ($settings: JSONObject!) { updateTenantSettings(input: { settings: $settings }) { tenant { id } } }',
        { settings },
      );
    const answers = await Promise.all([
      ...[5, 6, 7].map((replyWithinHours) => change({ replyWithinHours })),
      change({ officeHours: { from: 3, to: 4 } }),
    ]);
    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(await readByCode('acme')).toMatchObject({ officeHours: { from: 3, to: 4 } });
    expect([5, 6, 7]).toContain((await readByCode('acme')).replyWithinHours);
  });

  test('are for those with the permission, in their own tenant', async () => {
    const member = await clientOf('member', 'acme');
    const { errors } = await member.query(
      'mutation { updateTenantSettings(input: { settings: { replyWithinHours: 2 } }) { tenant { id } } }',
    );
    expect(errors[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', requires: 'settings:manage' });
    const before = await auditRows(server().database, 'globex');
    await succeed('updateTenantSettings', 'tenant { id }', { settings: { replyWithinHours: 2 } });
    expect(await auditRows(server().database, 'globex')).toEqual(before);
  });
});

describe('a declaration is refused', () => {
  test.each<[string, Record<string, z.ZodType>, RegExp]>([
    ['without a default', { limit: z.int() }, /limit has no default/],
    ['with a value that is no JSON', { since: z.date().default(new Date(0)) }, /Date/],
    ['with a name that is none', { 'a b': z.string().default('') }, /no name/],
  ])('%s', (_how, settings, message) => {
    expect(() => new Settings([{ name: 'test', settings }])).toThrow(message);
  });

  test('that another module makes, too', () => {
    const one = { name: 'one', settings: { limit: z.int().default(1) } };
    expect(() => new Settings([one, { ...one, name: 'two' }])).toThrow(/two declares the setting limit/);
  });
});
