/** Proves that a write in a batch is stored exactly once when it resolves, and that a failed one stores nothing. */
import { beforeAll, describe, expect, test } from 'vitest';
import { rejectionOf } from '../support/demo-tenants.js';
import { raw, stateOf, newMember, useOneConnection } from '../support/one-connection.js';

const { database, tenants, onOneConnection, expectClean, rowsOf } = useOneConnection();

describe('a write', () => {
  beforeAll(async () => {
    await database().asSuperuser(`
      CREATE FUNCTION refuse_late() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.user_id = 'late' THEN RAISE EXCEPTION SQLSTATE '23505' USING MESSAGE = 'too late'; END IF;
        RETURN NULL;
      END $$`);
    await database().asSuperuser(
      `CREATE CONSTRAINT TRIGGER late AFTER INSERT ON memberships DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION refuse_late()`,
    );
    await database().asSuperuser('CREATE SEQUENCE attempts');
    await database().asSuperuser('GRANT USAGE ON attempts TO tenantry_app');
    await database().asSuperuser(`
      CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.user_id = 'collides' AND nextval('public.attempts') < 3 THEN RAISE EXCEPTION SQLSTATE '40001'; END IF;
        RETURN NEW;
      END $$`);
    await database().asSuperuser(
      'CREATE TRIGGER collide BEFORE INSERT ON memberships FOR EACH ROW EXECUTE FUNCTION collide()',
    );
  });

  test('is kept, once, when it resolves', () =>
    onOneConnection(async (acme, opened) => {
      const made = await acme.membership.create({ data: newMember('kept') });
      expect(made).toMatchObject({ tenantId: tenants().acme.tenantId, userId: 'kept' });
      expect(await rowsOf('kept')).toHaveLength(1);
      await expectClean(opened);
    }));

  test('that fails when it is committed is refused, and nothing is kept', () =>
    onOneConnection(async (acme, opened) => {
      expect(await stateOf(acme.membership.create({ data: newMember('late') }))).toBe('23505');
      expect(await rowsOf('late')).toEqual([]);
      await expectClean(opened);
    }));

  test('that collides is repeated', () =>
    onOneConnection(async (acme) => {
      await acme.membership.create({ data: newMember('collides') });
      expect(await rowsOf('collides')).toHaveLength(1);
      const [attempts] = await database().asSuperuser<{ n: string }>('SELECT last_value AS n FROM attempts');
      expect(Number(attempts!.n)).toBe(3);
    }));

  test('is refused when it names another tenant, in words or by its filter', () =>
    onOneConnection(async (acme, opened) => {
      const data = { ...newMember('foreign'), tenantId: tenants().globex.tenantId };
      expect(await rejectionOf(acme.membership.create({ data }))).toMatchObject({
        name: 'ForeignTenantError',
      });
      expect(await rowsOf('foreign')).toEqual([]);
      await expectClean(opened);
    }));

  test('is not what a raw read can do', () =>
    onOneConnection(async (acme, opened) => {
      for (const sql of [
        `INSERT INTO memberships (user_id, email, role) VALUES ('raw', 'raw', 'viewer')`,
        `WITH made AS (INSERT INTO memberships (user_id, email, role) VALUES ('raw', 'raw', 'viewer') RETURNING 1) SELECT * FROM made`,
        `UPDATE tenants SET name = 'x'`,
        `SELECT nextval('attempts')`,
      ]) {
        expect(await stateOf(acme.$queryRaw(raw(sql)))).toBe('25006');
      }
      await expectClean(opened);
    }));

  test('into a column that Prisma has to read is made once', () =>
    onOneConnection(async (acme) => {
      await database().asSuperuser('CREATE DOMAIN plain AS text');
      await database().asSuperuser(`CREATE TYPE flavour AS ENUM ('sweet', 'sour')`);
      // In the Prisma schema this column has the type String.
      await database().asSuperuser('ALTER TABLE memberships DROP COLUMN invited_by');
      await database().asSuperuser('ALTER TABLE memberships ADD COLUMN invited_by flavour');
      try {
        const made = await acme.membership.create({ data: newMember('flavoured') });
        expect(made.invitedBy).toBeNull();
        expect(await rowsOf('flavoured')).toHaveLength(1);
        expect(await acme.membership.findMany({ where: { userId: 'flavoured' } })).toEqual([made]);
      } finally {
        await database().asSuperuser('ALTER TABLE memberships DROP COLUMN invited_by');
        await database().asSuperuser('ALTER TABLE memberships ADD COLUMN invited_by text');
      }
    }));
});
