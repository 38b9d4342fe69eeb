/**
 * Proves that an update of the tenant with an expected version never overwrites a change that its author has not seen.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { sendKeyed } from '../support/keyed-mutations.js';
import { useMutations } from '../support/mutations.js';
import { auditRows } from '../support/rows.js';
import { useServer } from '../support/server.js';
import { transactionsAmong, watchStatements } from '../support/statements.js';

const statements = watchStatements();
const server = useServer();
const { clientOf, run, succeed, refused } = useMutations(server, ['tenants']);

const SELECTION = 'tenant { name version }';

interface Payload {
  readonly tenant: { readonly name: string; readonly version: number };
}

const versionNow = async (): Promise<number> => {
  const client = await clientOf('viewer');
  return (await client.query<{ tenant: { version: number } }>('{ tenant { version } }')).data.tenant.version;
};

const named = () => `Acme ${randomUUID()}`;

describe('updateTenant with an expected version', () => {
  test('succeeds when it is that, and answers with the next one', async () => {
    const version = await versionNow();
    const name = named();
    const { payload, entries } = await succeed<Payload>('updateTenant', SELECTION, {
      name,
      expectedVersion: version,
    });
    expect(payload.tenant).toEqual({ name, version: version + 1 });
    expect(entries).toHaveLength(1);
    expect(await versionNow()).toBe(version + 1);
  });

  test.each([
    ['an older one', -1],
    ['one to come', 1],
    ['one far off', 2_000_000_000],
  ])('is a CONFLICT when it is %s, with the present state, and changes nothing', async (_what, by) => {
    const { payload } = await succeed<Payload>('updateTenant', SELECTION, { name: named() });
    const { version, name } = payload.tenant;
    const [row] = await server().database.asSuperuser<{ id: string; created_at: Date }>(
      "SELECT id, created_at FROM tenants WHERE slug = 'acme'",
    );
    const expectedVersion = by > 1 ? by : version + by;
    const own = { id: encodeId('Tenant', row!.id), slug: 'acme', name, status: 'ACTIVE', version };
    const createdAt = row!.created_at.toISOString();
    const input = { name: named(), expectedVersion };
    expect(await refused('updateTenant', SELECTION, input)).toEqual({
      code: 'CONFLICT',
      current: {
        ...own,
        createdAt,
        plan: 'free',
        billingEmail: null,
        settings: expect.any(Object) as object,
      },
    });
    // An administrator may not read the billing fields.
    expect(await refused('updateTenant', SELECTION, input, { user: 'admin' })).toEqual({
      code: 'CONFLICT',
      current: { ...own, createdAt, settings: expect.any(Object) as object },
    });
  });

  test('that is null or left out changes the tenant whatever its version', async () => {
    const version = await versionNow();
    await succeed('updateTenant', SELECTION, { name: named() });
    await succeed('updateTenant', SELECTION, { name: named(), expectedVersion: null });
    expect(await versionNow()).toBe(version + 2);
  });

  test('alone is no change', async () => {
    expect(await refused('updateTenant', SELECTION, { expectedVersion: await versionNow() })).toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });

  test('sees what raw SQL has changed', async () => {
    const version = await versionNow();
    await server().database.asSuperuser(
      "UPDATE tenants SET billing_email = 'b@acme.test' WHERE slug = 'acme'",
    );
    expect(
      await refused('updateTenant', SELECTION, { name: named(), expectedVersion: version }),
    ).toMatchObject({ code: 'CONFLICT', current: { version: version + 1, billingEmail: 'b@acme.test' } });
  });

  test('by many at once succeeds for one', async () => {
    const version = await versionNow();
    const names = Array.from({ length: 12 }, named);
    await clientOf('owner');
    const answers = await Promise.all(
      names.map((name) => run<Payload>('updateTenant', SELECTION, { name, expectedVersion: version })),
    );
    const winners = answers.flatMap(({ data }) => data['updateTenant'] ?? []);
    expect(winners).toHaveLength(1);
    for (const { errors } of answers) {
      for (const { extensions } of errors) {
        expect(extensions).toMatchObject({
          code: 'CONFLICT',
          current: { version: version + 1, name: winners[0]!.tenant.name },
        });
      }
    }
    const entries = (await auditRows(server().database, 'acme')).filter(
      ({ new_value }) => typeof new_value?.['name'] === 'string' && names.includes(new_value['name']),
    );
    expect(entries).toHaveLength(1);
  });

  test('is a condition of the one UPDATE, not a look before it', async () => {
    const version = await versionNow();
    const sent = await statements.during(() =>
      succeed('updateTenant', 'tenant { id }', { name: named(), expectedVersion: version }),
    );
    expect(transactionsAmong(sent)).toBe(1);
    const touching = sent.filter((statement) => statement.includes('"tenants"'));
    expect(touching).toHaveLength(1);
    expect(touching[0]).toMatch(/^UPDATE .*WHERE .*"version" = .* RETURNING /);
  });

  test('and an idempotency key gives its retry the result, not the conflict with itself', async () => {
    const { token } = await clientOf('owner');
    const input = { name: named(), expectedVersion: await versionNow() };
    const request = {
      query:
        'mutation ($input: UpdateTenantInput!) { updateTenant(input: $input) { tenant { name version } } }',
      variables: { input },
    };
    const key = randomUUID();
    const first = await sendKeyed(server(), token, key, request);
    expect(first.data).toEqual({
      updateTenant: { tenant: { name: input.name, version: input.expectedVersion + 1 } },
    });
    expect(await sendKeyed(server(), token, key, request)).toMatchObject({
      replayed: true,
      text: first.text,
    });
    const other = await sendKeyed(server(), token, randomUUID(), request);
    expect(other.errors).toMatchObject([{ extensions: { code: 'CONFLICT', current: { name: input.name } } }]);
  });
});
