/** Proves, in a real browser, that what operators do in their console takes effect, with its reason in the tenant's audit log. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withoutChromium } from '../support/chromium.js';
import { openWindow, settled, SLOW_MS, useBrowser, type Window } from '../support/dashboard.js';
import { askOperators, newSlug, OPERATORS, operatorToken } from '../support/operators.js';
import { sealAll } from '../support/sealed-trails.js';
import { useServer } from '../support/server.js';
import { createTestTenant } from '../support/tenant-fixtures.js';

const server = useServer({ env: OPERATORS });

describe.skipIf(withoutChromium())('the operators’ console', () => {
  const browser = useBrowser('operators');
  let opened: Window;
  let slug: string;
  beforeEach(async () => {
    opened = await openWindow(browser());
    slug = newSlug();
    await createTestTenant(server().database, slug);
  }, SLOW_MS);
  afterEach(async () => {
    const { problems } = opened;
    await opened.close();
    expect(problems).toEqual([]);
  });

  const button = (name: string) => opened.page.getByRole('button', { name, exact: true });
  const dialog = () => opened.page.getByRole('dialog');
  async function open(path: string): Promise<void> {
    const { page } = opened;
    await page.goto(`${server().url}/operator${path}`);
    await page.getByLabel('Token').fill(operatorToken());
    await button('Open').click();
    await page.locator('main h1').waitFor();
    await settled(page);
  }
  async function openTenant(): Promise<void> {
    const { page } = opened;
    await open(`/tenants/${slug}`);
    await page.getByLabel('Reason', { exact: true }).fill('  Ticket 42 ');
    await button('Open').click();
    await page.getByRole('heading', { name: 'Impersonations' }).waitFor();
  }
  /** Opens a dialog, fills its reason, and sends it. */
  async function act(name: string, fill: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await button(name).click();
    await fill();
    const send = dialog().getByRole('button', { name, exact: true });
    await dialog().getByLabel('Reason', { exact: true }).fill('   ');
    expect(await send.isDisabled()).toBe(true);
    await dialog().getByLabel('Reason', { exact: true }).fill(` Because of ${name} `);
    await send.click();
  }
  const state = async (): Promise<Record<string, unknown>> => {
    const { data } = await askOperators<{ tenants: { nodes: Record<string, unknown>[] } }>(
      server(),
      'query ($search: String) { tenants(search: $search) { nodes { slug name plan status } } }',
      { variables: { search: slug } },
    );
    return data.tenants.nodes[0]!;
  };
  /** What the tenant's audit log has of operators: the action and the reason. */
  const reasons = async (): Promise<(readonly [string, unknown])[]> => {
    const rows = await server().database.asSuperuser<{ action: string; new_value: { reason?: string } }>(
      `SELECT action, new_value FROM audit_log
       WHERE tenant_id = (SELECT id FROM tenants WHERE slug = '${slug}') AND action LIKE 'operator.%' ORDER BY id`,
    );
    return rows.map(({ action, new_value: { reason } }) => [action, reason]);
  };

  test(
    'reads a tenant once, for a reason without which nothing is asked, and verifies its log',
    async () => {
      const { page } = opened;
      await sealAll(server().database);
      await open(`/tenants/${slug}`);
      expect(await button('Open').isDisabled()).toBe(true);
      await page.getByLabel('Reason', { exact: true }).fill('   ');
      expect(await button('Open').isDisabled()).toBe(true);
      expect(await reasons()).toEqual([]);
      await page.getByLabel('Reason', { exact: true }).fill('  Ticket 42 ');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Impersonations' }).waitFor();
      await page.getByRole('navigation').getByRole('link', { name: 'Tenants' }).click();
      await page.getByText('in total').waitFor();
      await page.goBack();
      await page.getByRole('heading', { name: 'Impersonations' }).waitFor();
      await button('Verify the audit log').click();
      await page.getByText('The log is intact').waitFor();
      await settled(page);
      // The first look, and the verification: coming back was none.
      const read = ['operator.tenant_read', 'Ticket 42'] as const;
      expect(await reasons()).toEqual([read, read]);
    },
    SLOW_MS,
  );

  test(
    'suspends, resumes, renames and moves a tenant to another plan',
    async () => {
      const { page } = opened;
      await openTenant();
      await act('Suspend');
      await page.getByText('suspended', { exact: true }).waitFor();
      expect(await state()).toMatchObject({ status: 'SUSPENDED' });
      await act('Resume');
      await page.getByText('active', { exact: true }).waitFor();
      await act('Rename', () => dialog().getByLabel('Name').fill('Another name'));
      await page.getByRole('heading', { name: 'Another name' }).waitFor();
      await act('Change the plan', async () => {
        await dialog().getByLabel('Plan').selectOption('pro');
      });
      await dialog().waitFor({ state: 'detached' });
      await page.locator('dd').getByText('pro', { exact: true }).waitFor();
      expect(await state()).toEqual({ slug, name: 'Another name', plan: 'pro', status: 'ACTIVE' });
      expect((await reasons()).map(([, reason]) => reason)).toEqual([
        'Ticket 42',
        ...['Suspend', 'Resume', 'Rename', 'Change the plan'].map((name) => `Because of ${name}`),
      ]);
    },
    SLOW_MS,
  );

  test(
    'acts in a tenant with a credential that is shown once, until it is ended',
    async () => {
      const { page } = opened;
      await openTenant();
      await act('Act in it');
      const credential = (await dialog().locator('.secret code').textContent()) ?? '';
      expect(credential).toMatch(/^ti_/);
      const ask = async (): Promise<number> => {
        const answer = await fetch(`${server().url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${credential}` },
          body: '{"query":"{ me { role } }"}',
        });
        return answer.status;
      };
      expect(await ask()).toBe(200);
      await dialog().getByRole('button', { name: 'Close' }).click();
      await page.getByRole('button', { name: /^End it: / }).click();
      await dialog().getByLabel('Reason', { exact: true }).fill('Done');
      await dialog().getByRole('button', { name: 'End it', exact: true }).click();
      await page.getByText('ended', { exact: true }).waitFor();
      await expect.poll(ask, { timeout: SLOW_MS / 3 }).toBe(401);
      expect(await page.content()).not.toContain(credential);
    },
    SLOW_MS,
  );

  test(
    'has a tenant erased by words that name it, and takes that back',
    async () => {
      const { page } = opened;
      await openTenant();
      await button('Erase').click();
      await dialog().getByLabel('Reason', { exact: true }).fill('The contract has ended.');
      await dialog()
        .getByLabel(/to confirm$/)
        .fill('erase another');
      expect(await dialog().getByRole('button', { name: 'Erase' }).isDisabled()).toBe(true);
      await dialog()
        .getByLabel(/to confirm$/)
        .fill(`erase ${slug}`);
      await dialog().getByRole('button', { name: 'Erase' }).click();
      await page.getByText('waits', { exact: true }).waitFor();
      expect(await state()).toMatchObject({ status: 'SUSPENDED' });
      await act('Cancel the erasure');
      await page.getByText('waits', { exact: true }).waitFor({ state: 'detached' });
      expect(await state()).toMatchObject({ status: 'ACTIVE' });
    },
    SLOW_MS,
  );

  test(
    'creates a tenant with the keyboard, says what is wrong with a value, and lists it among thousands',
    async () => {
      const { page } = opened;
      await server().database.asSuperuser(
        `INSERT INTO tenants (slug, name, plan) SELECT 'page-' || n, 'Page ' || n, 'free' FROM generate_series(1, 2000) AS n`,
      );
      await open('/?search=page-');
      await page.getByText('2,000 in total').waitFor();
      await expect
        .poll(
          async () => {
            await page.mouse.wheel(0, 10_000);
            return page.getByRole('row').count();
          },
          { timeout: SLOW_MS / 3 },
        )
        .toBeGreaterThan(60);
      const created = newSlug();
      await button('Create a tenant').focus();
      await page.keyboard.press('Enter');
      await dialog().getByLabel('Subdomain').and(page.locator(':focus')).waitFor();
      for (const text of ['NOT A SLUG', 'New Inc.', 'idp|1', 'owner@new.test']) {
        await page.keyboard.type(text);
        await page.keyboard.press('Tab');
      }
      await page.keyboard.press('Tab');
      await page.keyboard.type('Order 7');
      await page.keyboard.press('Enter');
      await dialog().getByRole('alert').waitFor();
      await dialog().getByLabel('Subdomain').fill(created);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'New Inc.' }).waitFor();
      slug = created;
      expect(await state()).toMatchObject({ name: 'New Inc.', status: 'ACTIVE' });
    },
    SLOW_MS,
  );
});
