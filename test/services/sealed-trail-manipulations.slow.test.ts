/**
 * Proves that whatever a superuser does to a sealed audit log, with the triggers switched off, is found, and that the
 * first broken entry is named where anything can tell which one it is. Each test has a database of its own.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  brokenIn,
  headIn,
  makeEntries,
  newSealKey,
  SEALED_WITHIN_MS,
  sealAll,
  sealerOf,
  tamper,
  verifyOf,
} from '../support/sealed-trails.js';
import { readSealKeys } from '../../src/services/audit-trail/seal-keys.js';

const PATIENTLY = { timeout: SEALED_WITHIN_MS };

let database: TestDatabase;
/** The ids of acme's entries, in the order of the trail. */
let ids: readonly string[];

beforeEach(async () => {
  database = await createTestDatabase();
  await sealAll(database);
  await makeEntries(database, 'acme', 5);
  await sealAll(database);
  ids = (
    await database.asSuperuser<{ id: string }>(
      `SELECT entry_id AS id FROM tenantry.audit_leaves JOIN tenants ON tenants.id = tenant_id
       WHERE slug = 'acme' ORDER BY position`,
    )
  ).map(({ id }) => id);
});
afterEach(() => database.drop());

const last = (): string => ids.at(-1)!;
const third = (): string => ids.at(-3)!;

test('untouched, it is intact, also for a head that was kept', async () => {
  const head = await headIn(database, 'acme');
  expect(await verifyOf(database, 'acme', { head })).toMatchObject({
    intact: true,
    entries: ids.length,
    pending: 0,
    redacted: 0,
    head,
  });
  expect(await verifyOf(database, 'globex')).toMatchObject({ intact: true });
});

describe('found is', () => {
  test.each([
    ['the actor', "actor = 'demo|acme|viewer'"],
    ['a value', `new_value = jsonb_set(new_value, '{number}', '7')`],
    ['a digit behind the point', `new_value = jsonb_set(new_value, '{nested,list,0}', '1.50')`],
    ['a value that is gone', "new_value = new_value - 'text'"],
    ['all values', 'new_value = NULL'],
    ['the time', "created_at = created_at + interval '1 ms'"],
    ['the time, to one that is none', "created_at = 'infinity'"],
    ['the action', "action = 'test.happened_not'"],
    ['the transaction', "tx = '3'::xid8"],
  ])('an entry that was changed: %s', async (_what, change) => {
    await tamper(database, `UPDATE audit_log SET ${change} WHERE id = '${third()}'`);
    expect(await brokenIn(database)).toMatchObject({ defect: 'changed', entryId: third() });
  });

  test('an entry that was changed together with its leaf, by the block it is in', async () => {
    await tamper(
      database,
      `UPDATE tenantry.audit_leaves SET leaf = sha256('x'), entry_id = gen_random_uuid() WHERE entry_id = '${third()}'`,
      `UPDATE audit_log SET actor = 'x' WHERE id = '${third()}'`,
    );
    expect((await brokenIn(database))?.defect).toMatch(/removed|inserted|rearranged/);
  });

  test('an entry that was removed', async () => {
    await tamper(database, `DELETE FROM audit_log WHERE id = '${third()}'`);
    expect(await brokenIn(database)).toMatchObject({ defect: 'removed', entryId: third() });
  });

  test('an entry that was removed together with its leaf', async () => {
    await tamper(
      database,
      `DELETE FROM audit_log WHERE id = '${third()}'`,
      `DELETE FROM tenantry.audit_leaves WHERE entry_id = '${third()}'`,
    );
    expect(await brokenIn(database)).toMatchObject({ defect: 'removed', entryId: ids.at(-2) });
  });

  test('an entry that was put behind the seals', async () => {
    await tamper(
      database,
      `INSERT INTO audit_log (tenant_id, actor, actor_type, action, entity, tx)
       SELECT tenant_id, 'x', 'user', 'a.b', 'X', tx FROM audit_log WHERE id = '${third()}'`,
    );
    expect(await brokenIn(database)).toMatchObject({ defect: 'inserted' });
    // The sealer does not make it look good later.
    const { sealer } = sealerOf(database);
    await sealer.round();
    await sealer.close();
    expect(await brokenIn(database)).toMatchObject({ defect: 'inserted' });
  });

  test('values that were deleted without an entry that says so', async () => {
    const place = 3;
    await tamper(
      database,
      `INSERT INTO tenantry.audit_redactions (tenant_id, entry_id, index, path, commitment)
       SELECT e.tenant_id, e.id, v.index, v.path, sha256(
         '\\x10'::bytea || substr(l.salts, v.index * 16 + 1, 16) || int4send(length(v.path)) || v.path::bytea
         || int4send(length(v.printed)) || v.printed::bytea)
       FROM audit_log e JOIN tenantry.audit_leaves l ON l.entry_id = e.id,
         tenantry.audit_values(e.actor, e.old_value, e.new_value, '{}', '{}') v
       WHERE e.id = '${third()}' AND v.index = ${place}`,
      `UPDATE tenantry.audit_leaves SET salts = substr(salts, 1, 48) || decode(repeat('00', 16), 'hex') || substr(salts, 65)
       WHERE entry_id = '${third()}'`,
      `UPDATE audit_log SET new_value = new_value - 'number' WHERE id = '${third()}'`,
    );
    expect(await brokenIn(database)).toMatchObject({ defect: 'unrecorded', entryId: third() });
  });

  test('entries that changed places', async () => {
    const swap = `UPDATE tenantry.audit_leaves l SET entry_id = other.entry_id, leaf = other.leaf, salts = other.salts
      FROM tenantry.audit_leaves other
      WHERE l.tenant_id = other.tenant_id AND (l.entry_id, other.entry_id) IN (('${third()}', '${last()}'), ('${last()}', '${third()}'))`;
    await tamper(
      database,
      'ALTER TABLE tenantry.audit_leaves DROP CONSTRAINT audit_leaves_tenant_id_entry_id_key',
      swap,
    );
    expect(await brokenIn(database)).toMatchObject({ defect: 'rearranged' });
  });

  test('an end that was cut off, by a head that was kept', async () => {
    const head = await headIn(database, 'acme');
    const tenant = `tenant_id = '${head.tenant}'`;
    await tamper(
      database,
      `DELETE FROM tenantry.audit_seals WHERE ${tenant} AND number = ${head.number}`,
      `DELETE FROM audit_log WHERE id IN (SELECT entry_id FROM tenantry.audit_leaves WHERE ${tenant}
         AND position >= (SELECT max(size) FROM tenantry.audit_seals WHERE ${tenant}))`,
      `DELETE FROM tenantry.audit_leaves WHERE ${tenant}
         AND position >= (SELECT max(size) FROM tenantry.audit_seals WHERE ${tenant})`,
    );
    expect(await brokenIn(database)).toBeNull();
    expect(await brokenIn(database, { head })).toMatchObject({ defect: 'cut' });
  });

  test('an end that was cut off without its seal, and a seal that is gone', async () => {
    const { tenant, number } = await headIn(database, 'acme');
    await tamper(
      database,
      `DELETE FROM audit_log WHERE id = '${last()}'`,
      `DELETE FROM tenantry.audit_leaves WHERE entry_id = '${last()}'`,
    );
    expect(await brokenIn(database)).toMatchObject({ defect: 'removed' });
    await tamper(
      database,
      `DELETE FROM tenantry.audit_seals WHERE tenant_id = '${tenant}' AND number < ${number}`,
    );
    expect(await brokenIn(database)).toMatchObject({ defect: 'resealed' });
  });

  test.each([
    ['its time', "sealed_at = sealed_at - interval '1 day'"],
    ['its root', "root = sha256('x')"],
    ['its signature', "signature = sha512('x')"],
    ['its key', "key = 'x'"],
  ])('a seal that was rewritten without the key: %s', async (_what, change) => {
    const { tenant, number } = await headIn(database, 'acme');
    await tamper(
      database,
      `UPDATE tenantry.audit_seals SET ${change} WHERE tenant_id = '${tenant}' AND number = ${number}`,
    );
    expect((await brokenIn(database))?.defect).toMatch(/^(resealed|rearranged)$/);
  });

  test('everything sealed anew with another key', async () => {
    const head = await headIn(database, 'acme');
    await tamper(
      database,
      'DELETE FROM tenantry.audit_seals',
      'DELETE FROM tenantry.audit_leaves',
      'DELETE FROM tenantry.audit_nodes',
      'DELETE FROM tenantry.audit_trees',
      'UPDATE tenantry.audit_sealer SET watermark = NULL',
      `DELETE FROM audit_log WHERE id = '${third()}'`,
    );
    await sealAll(database, { keys: readSealKeys(newSealKey()) });
    expect(await brokenIn(database)).toMatchObject({ defect: 'resealed' });
    expect(await brokenIn(database, { head })).not.toBeNull();
  });
});

describe('the sealer', () => {
  test.each([
    ['a seal that is gone', 'DELETE FROM tenantry.audit_seals'],
    ['a seal of another key', "UPDATE tenantry.audit_seals SET key = 'x'"],
    [
      'another edge of the tree',
      "UPDATE tenantry.audit_trees SET frontier = sha256('x') || substr(frontier, 33)",
    ],
  ])('does not seal on top of %s', async (_what, statement) => {
    await tamper(database, statement);
    await makeEntries(database, 'acme', 1);
    const { sealer, problems } = sealerOf(database);
    await expect.poll(async () => (await sealer.round(), problems.length), PATIENTLY).toBeGreaterThan(0);
    expect(problems[0]).toMatch(/^broken /);
    const count = 'SELECT count(*)::int AS count FROM tenantry.audit_leaves';
    const before = await database.asSuperuser(count);
    await sealer.round();
    expect(await database.asSuperuser(count)).toEqual(before);
    await sealer.close();
  });

  test('notices that a trail is shorter than it has made it', async () => {
    const { sealer, problems } = sealerOf(database);
    const size = async () => (await headIn(database, 'acme')).size;
    await makeEntries(database, 'acme', 1);
    await expect.poll(async () => (await sealer.round(), size()), PATIENTLY).toBe(ids.length + 1);
    const { tenant, number, size: whole } = await headIn(database, 'acme');
    await tamper(
      database,
      `DELETE FROM tenantry.audit_seals WHERE tenant_id = '${tenant}' AND number = ${number}`,
      `DELETE FROM tenantry.audit_leaves WHERE tenant_id = '${tenant}' AND position = ${whole - 1}`,
      `UPDATE tenantry.audit_trees SET seals = seals - 1, size = size - 1 WHERE tenant_id = '${tenant}'`,
    );
    await makeEntries(database, 'acme', 1);
    await expect
      .poll(async () => (await sealer.round(), problems), PATIENTLY)
      .toContainEqual(expect.stringMatching(/is gone$/));
    await sealer.close();
  });
});
