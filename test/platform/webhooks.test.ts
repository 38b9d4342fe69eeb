/** Webhooks as their tenant manages them, and that their secrets can be read nowhere. */
import { describe, expect, test } from 'vitest';
import { bareId } from '../support/ids.js';
import { stateOf, whatTheAnswerTells } from '../support/mutations.js';
import { insertDelivery, insertWebhook } from '../support/rows.js';
import { startTestServer } from '../support/server.js';
import { useWebhooks, WEBHOOK, type CreatedWebhook } from '../support/webhooks.js';

const { server, run, succeed, refused, create, rowOf } = useWebhooks();
const MISSING = '01900000-0000-7000-8000-000000000000';
const CREATED = `secret webhook { ${WEBHOOK} }`;
const UPDATED = `webhook { ${WEBHOOK} }`;

describe('createWebhook', () => {
  test('answers with the secret, this once, and records everything but the secret', async () => {
    const { payload, entries } = await succeed<CreatedWebhook>(
      'createWebhook',
      CREATED,
      {
        url: 'HTTPS://Hooks.Example/in?a=b',
        events: ['membership.updated', 'report.sent', 'membership.created', 'membership.updated'],
        description: 'Billing',
      },
      { user: 'admin' },
    );
    const { secret, webhook } = payload;
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(webhook).toEqual({
      id: webhook.id,
      url: 'https://hooks.example/in?a=b',
      events: ['membership.created', 'membership.updated', 'report.sent'],
      description: 'Billing',
      payload: 'THIN',
      createdBy: 'demo|acme|admin',
      actsFor: 'demo|acme|admin',
      rotatedAt: null,
      disabledAt: null,
      disabledBecause: null,
      failingSince: null,
    });
    expect(entries).toMatchObject([
      {
        action: 'webhook.created',
        entity: 'Webhook',
        entity_id: bareId(webhook.id),
        actor: 'demo|acme|admin',
        new_value: { url: 'https://hooks.example/in?a=b', created_by: 'demo|acme|admin' },
      },
    ]);
    expect(JSON.stringify(entries)).not.toContain('sealed');
  });

  test.each([
    ['http', { url: 'http://hooks.example/' }, 'input.url'],
    ['no URL', { url: 'hooks' }, 'input.url'],
    ['a password', { url: 'https://a:b@hooks.example/' }, 'input.url'],
    ['a private address', { url: 'https://10.0.0.1/' }, 'input.url'],
    ['a metadata service', { url: 'https://[fd00:ec2::254]/' }, 'input.url'],
    ['a NUL', { url: 'https://hooks.example/\u0000' }, 'input.url'],
    ['no events', { events: [] }, 'input.events'],
    ['an event that is none', { events: ['*'] }, 'input.events.0'],
    ['an event of no table', { events: ['membership.created', 'member.created'] }, 'input.events'],
    ['a long description', { description: 'x'.repeat(201) }, 'input.description'],
  ])('is refused with %s', async (_name, wrong, field) => {
    const input = { url: 'https://hooks.example/', events: ['membership.created'], ...wrong };
    expect(await refused('createWebhook', CREATED, input)).toEqual({ code: 'BAD_USER_INPUT', field });
  });

  test('is refused without a key for secrets, and nothing is stored', async () => {
    const without = await startTestServer({ database: server().database, env: { ENCRYPTION_KEYS: '' } });
    try {
      expect(without.warnings.join()).toContain('ENCRYPTION_KEYS is not set');
      const before = await stateOf(server().database, ['webhooks']);
      const owner = await without.as('owner', 'acme');
      const { errors } = await owner.query(
        'mutation { createWebhook(input: { url: "https://a.example/", events: ["tenant.updated"] }) { secret } }',
      );
      expect(errors[0]?.extensions.code).toBe('UNAVAILABLE');
      expect(await stateOf(server().database, ['webhooks'])).toEqual(before);
    } finally {
      await without.close();
    }
  });
});

describe('updateWebhook', () => {
  test('changes what is given, and says on whose behalf rows are told from then on', async () => {
    const { webhook } = await create({ url: 'https://hooks.example/', description: 'old' });
    const { id } = webhook;
    const renamed = await succeed('updateWebhook', UPDATED, { id, description: null }, { user: 'admin' });
    expect(renamed.payload).toEqual({ webhook: { ...webhook, description: null } });
    const moved = await succeed(
      'updateWebhook',
      UPDATED,
      { id, url: 'https://other.example/', payload: 'FULL' },
      { user: 'admin' },
    );
    expect(moved.payload).toMatchObject({
      webhook: {
        url: 'https://other.example/',
        payload: 'FULL',
        createdBy: 'demo|acme|owner',
        actsFor: 'demo|acme|admin',
      },
    });
    expect(moved.entries.map(({ action }) => action)).toEqual(['webhook.updated']);
  });

  test('disables and enables', async () => {
    const { webhook } = await create({ url: 'https://hooks.example/' });
    const { id } = webhook;
    const off = await succeed('updateWebhook', UPDATED, { id, enabled: false }, { user: 'admin' });
    expect(off.payload).toMatchObject({
      webhook: { disabledBecause: 'BY_HAND', actsFor: 'demo|acme|owner' },
    });
    const on = await succeed('updateWebhook', UPDATED, { id, enabled: true }, { user: 'admin' });
    expect(on.payload).toMatchObject({
      webhook: { disabledAt: null, disabledBecause: null, actsFor: 'demo|acme|admin' },
    });
  });

  test('does not say that somebody has disabled what the server had disabled', async () => {
    const { webhook } = await create({ url: 'https://hooks.example/' });
    await server().database.asSuperuser(
      "UPDATE webhooks SET disabled_at = now(), disabled_because = 'gone' WHERE id = $1",
      [bareId(webhook.id)],
    );
    const { payload } = await succeed('updateWebhook', UPDATED, { id: webhook.id, enabled: false });
    expect(payload).toMatchObject({ webhook: { disabledBecause: 'GONE' } });
  });

  test.each([
    ['nothing', {}, 'input'],
    ['a private address', { url: 'https://127.0.0.2/' }, 'input.url'],
    ['an event of no table', { events: ['member.created'] }, 'input.events'],
  ])('is refused with %s', async (_name, wrong, field) => {
    const { webhook } = await create({ url: 'https://hooks.example/' });
    expect(await refused('updateWebhook', UPDATED, { id: webhook.id, ...wrong })).toEqual({
      code: 'BAD_USER_INPUT',
      field,
    });
  });
});

describe('lists', () => {
  test('are filtered', async () => {
    const { webhook } = await create({ url: 'https://hooks.example/', events: ['membership.deleted'] });
    const owner = await server().as('owner', 'acme');
    const { data } = await owner.query<{ webhooks: { nodes: { id: string }[] } }>(
      '{ webhooks(filter: { event: "membership.deleted", enabled: true }) { nodes { id } } }',
    );
    expect(data.webhooks.nodes).toEqual([{ id: webhook.id }]);
    const disabled = await owner.query(
      '{ webhooks(filter: { event: "membership.deleted", enabled: false }) { totalCount } }',
    );
    expect(disabled.data).toEqual({ webhooks: { totalCount: 0 } });
    const first = await insertDelivery(server().database, 'acme', bareId(webhook.id), { status: 'failed' });
    await insertDelivery(server().database, 'acme', bareId(webhook.id), { status: 'delivered' });
    const { data: found } = await owner.query(
      `{ webhookDeliveries(filter: { webhookId: "${webhook.id}", status: FAILED, event: "membership.updated" }) {
           totalCount nodes { id webhookId webhook { id } }
         } }`,
    );
    expect(found).toEqual({
      webhookDeliveries: {
        totalCount: 1,
        nodes: [{ id: `webhook_delivery_${first}`, webhookId: webhook.id, webhook: { id: webhook.id } }],
      },
    });
  });
});

describe('a webhook of another tenant', () => {
  test.each([
    ['updateWebhook', UPDATED, { description: 'mine' }],
    ['deleteWebhook', 'deletedId', {}],
    ['rotateWebhookSecret', CREATED, {}],
    ['testWebhook', 'delivery { id }', {}],
  ])('%s answers like for one that does not exist', async (field, selection, input) => {
    const id = await insertWebhook(server().database, 'globex');
    const before = await stateOf(server().database, ['webhooks', 'webhook_deliveries']);
    const answers = [];
    for (const each of [id, MISSING, `webhook_${id}`]) {
      answers.push(whatTheAnswerTells(await run(field, selection, { id: each, ...input })));
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(JSON.stringify(answers[0])).toContain('NOT_FOUND');
    expect(await stateOf(server().database, ['webhooks', 'webhook_deliveries'])).toEqual(before);
  });

  test('redeliver answers like for one that does not exist', async () => {
    const id = await insertDelivery(server().database, 'globex', undefined, { status: 'failed' });
    const answers = [];
    for (const each of [id, MISSING]) {
      answers.push(whatTheAnswerTells(await run('redeliver', 'delivery { id }', { id: each })));
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(JSON.stringify(answers[0])).toContain('NOT_FOUND');
  });
});

describe('secrets', () => {
  test('are in no table, no field and no entry of the audit log, in any form', async () => {
    const { secret, webhook } = await create({ url: 'https://hooks.example/' });
    const { payload } = await succeed<CreatedWebhook>('rotateWebhookSecret', CREATED, { id: webhook.id });
    expect(payload.secret).not.toBe(secret);
    await succeed('updateWebhook', UPDATED, { id: webhook.id, description: 'changed' });
    const row = await rowOf(webhook.id);
    const owner = await server().as('owner', 'acme');
    const { text } = await owner.query(
      `{ auditLog(filter: { entityId: "${webhook.id}" }) { nodes { action oldValue newValue } }
         webhooks(first: 100) { nodes { ${WEBHOOK} } } }`,
    );
    expect(text).toContain('webhook.updated');
    const tables = JSON.stringify(await stateOf(server().database, ['webhooks', 'webhook_deliveries']));
    for (const each of [secret, payload.secret]) {
      const key = Buffer.from(each.slice(6), 'base64');
      for (const form of [each.slice(6, 20), key.toString('hex'), key.toString('base64url').slice(0, 16)]) {
        expect(tables).not.toContain(form);
        expect(text).not.toContain(form);
      }
    }
    const log = await server().database.asSuperuser(
      `SELECT coalesce(old_value::text, '') || coalesce(new_value::text, '') AS text FROM audit_log WHERE entity_id = $1`,
      [bareId(webhook.id)],
    );
    for (const sealed of [row['sealed_secret'], row['former_sealed_secret']]) {
      expect(sealed).toMatch(/^1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$/);
      expect(JSON.stringify(log) + text).not.toContain(sealed as string);
    }
    expect(JSON.stringify(log)).not.toMatch(/secret/);
  });

  test('are kept with no idempotency key', async () => {
    const { token } = await server().as('owner', 'acme');
    const { errors } = await server()
      .withHeaders({ authorization: `Bearer ${token}`, 'idempotency-key': 'k' })
      .query(
        'mutation { createWebhook(input: { url: "https://a.example/", events: ["tenant.updated"] }) { secret } }',
      );
    expect(errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  test('every column but how an endpoint fares is audited', async () => {
    const [row] = await server().database.asSuperuser<{ unaudited: string[] }>(
      `SELECT array_agg(attname::text ORDER BY attname) AS unaudited
       FROM pg_attribute JOIN pg_trigger ON tgrelid = attrelid AND tgname = 'audit'
       WHERE attrelid = 'webhooks'::regclass AND attnum > 0 AND NOT attisdropped AND attnum <> ALL (tgattr::int2[])`,
    );
    expect(row?.unaudited).toEqual(['failing_since', 'held_until']);
  });

  test('two rotations at the same time leave both new secrets valid', async () => {
    const { webhook } = await create({ url: 'https://hooks.example/' });
    const before = await rowOf(webhook.id);
    const both = await Promise.all(
      [1, 2].map(() => run('rotateWebhookSecret', 'secret', { id: webhook.id })),
    );
    for (const { errors } of both) expect(errors).toEqual([]);
    const after = await rowOf(webhook.id);
    expect([after['sealed_secret'], after['former_sealed_secret']]).not.toContain(before['sealed_secret']);
  });
});
