/** Proves that metrics have a bounded number of labels for tenants, and that no sum decreases when labels change hands. */
import { expect, test } from 'vitest';
import { MOST_LABELS, TenantActivity } from '../../src/services/telemetry/tenant-activity.js';

function activity() {
  let now = 0;
  const watched = new TenantActivity(() => now);
  return { watched, nextMinute: () => (now += 60_000) };
}

const sumOf = (watched: TenantActivity) =>
  [...watched.read().values()].reduce((sum, { databaseMs }) => sum + databaseMs, 0);

test('with 10,000 tenants, only the most active have a label', () => {
  const { watched, nextMinute } = activity();
  for (let round = 0; round < 3; round++) {
    for (let tenant = 0; tenant < 10_000; tenant++) watched.add(String(tenant), 'databaseMs', tenant);
    const read = watched.read();
    expect(read.size).toBeLessThanOrEqual(MOST_LABELS + 1);
    nextMinute();
  }
  const labels = [...watched.read().keys()];
  expect(labels).toHaveLength(MOST_LABELS + 1);
  expect(labels).toContain('9999');
  expect(labels).toContain('other');
  expect(labels).not.toContain('5000');
});

test('a tenant that becomes active gets a label, and one that rests loses it without a sum decreasing', () => {
  const { watched, nextMinute } = activity();
  for (let tenant = 0; tenant < MOST_LABELS; tenant++)
    watched.add(`first ${String(tenant)}`, 'databaseMs', 1_000);
  watched.read();
  for (let tenant = 0; tenant < MOST_LABELS; tenant++)
    watched.add(`first ${String(tenant)}`, 'databaseMs', 10);
  expect(watched.read().get('first 0')?.databaseMs).toBe(10);
  const before = sumOf(watched);
  const other = watched.read().get('other')!.databaseMs;
  for (let minute = 0; minute < 12; minute++) {
    nextMinute();
    for (let tenant = 0; tenant < MOST_LABELS; tenant++)
      watched.add(`then ${String(tenant)}`, 'databaseMs', 1_000);
    watched.read();
  }
  const read = watched.read();
  expect(read.has('first 0')).toBe(false);
  expect(read.get('then 0')?.databaseMs).toBeGreaterThan(0);
  expect(read.get('other')!.databaseMs).toBeGreaterThanOrEqual(other + 10 * MOST_LABELS);
  expect(sumOf(watched)).toBe(before + 12 * MOST_LABELS * 1_000);
});

test('more tenants than are watched lose nothing', () => {
  const { watched } = activity();
  for (let tenant = 0; tenant < 30_000; tenant++) watched.add(String(tenant), 'databaseMs', 1);
  expect(sumOf(watched)).toBe(30_000);
  for (let tenant = 0; tenant < 30_000; tenant++) watched.add(String(tenant), 'requests', 1);
  expect([...watched.read().values()].reduce((sum, { requests }) => sum + requests, 0)).toBe(30_000);
});
