/** Attacks on a server with any modules. Each must be refused with the code and the status that are given here. */
import { randomUUID } from 'node:crypto';
import { type Attack, type AttackSection, type Target, post, sendRaw } from './attack.js';
import { roleRefusals } from './role-attacks.js';
import type { Module } from '../../src/kernel/graphql/module.js';
import { apiKeyModule } from '../../src/platform/api-key/index.js';
import { auditLogModule } from '../../src/platform/audit-log/index.js';
import { auditTrailModule } from '../../src/platform/audit-trail/index.js';
import { eventModule } from '../../src/platform/event/index.js';
import { impersonationModule } from '../../src/platform/impersonation/index.js';
import { invitationModule } from '../../src/platform/invitation/index.js';
import { jobModule } from '../../src/platform/job/index.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { tenantErasureModule } from '../../src/platform/tenant-erasure/index.js';
import { tenantExportModule } from '../../src/platform/tenant-export/index.js';
import { webhookModule } from '../../src/platform/webhook/index.js';
import { attacksOn, query, INVALID, documents, requests } from './request-attacks.js';

export const PLATFORM_MODULES = [
  tenantModule,
  membershipModule,
  invitationModule,
  apiKeyModule,
  auditLogModule,
  auditTrailModule,
  impersonationModule,
  eventModule,
  jobModule,
  webhookModule,
  tenantExportModule,
  tenantErasureModule,
];

const as =
  (authorization: (target: Target) => string | undefined, host?: string): Attack['send'] =>
  (target) => {
    const given = authorization(target);
    const lines = [
      'POST /graphql HTTP/1.1',
      `Host: ${host ?? 'localhost'}`,
      'Content-Type: application/json',
      'Connection: close',
      ...(given === undefined ? [] : [`Authorization: ${given}`]),
      'Content-Length: 29',
    ];
    return sendRaw(target, `${lines.join('\r\n')}\r\n\r\n{"query":"{ me { userId } }"}`);
  };
const bearer = (claims: object, options?: Parameters<Target['sign']>[1]) => (target: Target) =>
  `Bearer ${target.sign(claims, options)}`;
const OWNER = { sub: 'demo|acme|owner', tenant_id: 'acme' };

const identity: AttackSection = {
  title: 'Identity and tenant',
  about: 'The body is not read.',
  attacks: attacksOn('any operation', [
    ['without a credential', 401, 'UNAUTHENTICATED', as(() => undefined)],
    ['with Basic credentials', 401, 'UNAUTHENTICATED', as(() => 'Basic b3duZXI6b3duZXI=')],
    ['with a token that is none', 401, 'UNAUTHENTICATED', as(() => 'Bearer nothing')],
    [
      'with a token of another secret',
      401,
      'UNAUTHENTICATED',
      as(bearer(OWNER, { secret: 'another-secret-of-thirty-two-bytes' })),
    ],
    [
      'with an unsigned token (`alg: none`)',
      401,
      'UNAUTHENTICATED',
      as(bearer(OWNER, { algorithm: 'none' })),
    ],
    ['with a token of another algorithm', 401, 'UNAUTHENTICATED', as(bearer(OWNER, { algorithm: 'HS512' }))],
    ['with an expired token', 401, 'UNAUTHENTICATED', as(bearer({ ...OWNER, exp: 1_700_000_000 }))],
    ['with a token for another audience', 401, 'UNAUTHENTICATED', as(bearer({ ...OWNER, aud: 'another' }))],
    ['with a token of another issuer', 401, 'UNAUTHENTICATED', as(bearer({ ...OWNER, iss: 'another' }))],
    ['with an API key that was never made', 401, 'UNAUTHENTICATED', as(() => `Bearer tk_${'A'.repeat(43)}`)],
    ['on the subdomain of another tenant', 403, 'TENANT_MISMATCH', as(bearer(OWNER), 'globex.localhost')],
    [
      'with the claim of a tenant the user is no member of',
      403,
      'FORBIDDEN',
      as(bearer({ ...OWNER, tenant_id: 'globex' })),
    ],
    [
      'on the subdomain of a tenant the user is no member of',
      403,
      'FORBIDDEN',
      as(bearer({ sub: OWNER.sub }), 'globex.localhost'),
    ],
    [
      'with a role in the token, as no member',
      403,
      'FORBIDDEN',
      as(bearer({ sub: 'stranger', tenant_id: 'acme', role: 'owner' })),
    ],
    [
      'with a tenant that does not exist',
      404,
      'TENANT_NOT_FOUND',
      as(bearer({ ...OWNER, tenant_id: 'nobody' })),
    ],
    [
      'on a subdomain that does not exist',
      404,
      'TENANT_NOT_FOUND',
      as(bearer({ sub: OWNER.sub }), 'nobody.localhost'),
    ],
    ['with no tenant at all', 403, 'TENANT_REQUIRED', as(bearer({ sub: OWNER.sub }))],
  ]),
};

const CURSOR = (position: unknown) => Buffer.from(JSON.stringify(position)).toString('base64url');
const BAD = 'BAD_USER_INPUT';
const members = (args: string) => query(`{ members(${args}) { nodes { id } } }`);
const createKey = (input: object): Attack['send'] =>
  query('mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }', { input });
const createWebhook = (input: object): Attack['send'] =>
  query('mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }', {
    input: { url: 'https://hooks.example/', events: ['membership.updated'], ...input },
  });
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const UPDATE_TENANT =
  'mutation ($input: UpdateTenantInput!) { updateTenant(input: $input) { tenant { id } } }';
const updateTenant = (input: object): Attack['send'] => query(UPDATE_TENANT, { input });

const input: AttackSection = {
  title: 'Input',
  about: 'Nothing is written.',
  attacks: [
    ...attacksOn('Query.members', [
      ['101 rows', 200, BAD, members('first: 101')],
      ['a negative number of rows', 200, BAD, members('last: -1')],
      ['the first and the last rows', 200, BAD, members('first: 1, last: 1')],
      ['a cursor that is no cursor', 200, BAD, members('after: "x"')],
      ['a cursor of 10,000 characters', 200, BAD, members(`after: "${'x'.repeat(10_000)}"`)],
      [
        'a forged cursor of another column',
        200,
        BAD,
        members(`after: "${CURSOR(['tenantId', randomUUID(), randomUUID()])}"`),
      ],
      [
        'a forged cursor with SQL for an id',
        200,
        BAD,
        members(`before: "${CURSOR(['joinedAt', '2024-01-01T00:00:00.000Z', "' OR true --"])}"`),
      ],
      ['a value that an enum does not have', 400, INVALID, members('filter: { role: GOD }')],
      [
        'the same in a variable',
        400,
        BAD,
        query('query ($f: MembershipFilter) { members(filter: $f) { nodes { id } } }', {
          f: { role: 'GOD' },
        }),
      ],
      [
        'a field that an input does not have',
        400,
        BAD,
        query('query ($f: MembershipFilter) { members(filter: $f) { nodes { id } } }', {
          f: { tenantId: 'globex' },
        }),
      ],
      ['a filter of 10,000 characters', 200, BAD, members(`filter: { userId: "${'x'.repeat(10_000)}" }`)],
    ]),
    ...attacksOn('Mutation.createApiKey', [
      ['a name that is empty', 200, BAD, createKey({ name: '', permissions: ['MEMBERS_READ'] })],
      [
        'a name of 101 characters',
        200,
        BAD,
        createKey({ name: 'x'.repeat(101), permissions: ['MEMBERS_READ'] }),
      ],
      ['a name with U+0000', 200, BAD, createKey({ name: 'a\u0000b', permissions: ['MEMBERS_READ'] })],
      ['a permission that does not exist', 400, BAD, createKey({ name: 'a', permissions: ['EVERYTHING'] })],
      [
        'a time that is none',
        400,
        BAD,
        createKey({ name: 'a', permissions: ['MEMBERS_READ'], expiresAt: 'tomorrow' }),
      ],
      [
        'a time that has passed',
        200,
        BAD,
        createKey({ name: 'a', permissions: ['MEMBERS_READ'], expiresAt: '2020-01-01T00:00:00Z' }),
      ],
    ]),
    ...attacksOn('Mutation.createWebhook', [
      ['a URL without TLS', 200, BAD, createWebhook({ url: 'http://hooks.example/' })],
      ['a file', 200, BAD, createWebhook({ url: 'file:///etc/passwd' })],
      ['a URL with a password', 200, BAD, createWebhook({ url: 'https://a:b@hooks.example/' })],
      ['the server itself', 200, BAD, createWebhook({ url: 'https://127.1:4000/' })],
      ['the metadata of a cloud', 200, BAD, createWebhook({ url: 'https://169.254.169.254/' })],
      ['a private address in IPv6 form', 200, BAD, createWebhook({ url: 'https://[::ffff:10.0.0.1]/' })],
      [
        'a URL of 2,049 characters',
        200,
        BAD,
        createWebhook({ url: `https://a.example/${'a'.repeat(2_031)}` }),
      ],
      ['no event', 200, BAD, createWebhook({ events: [] })],
      ['51 events', 200, BAD, createWebhook({ events: Array.from({ length: 51 }, (_, at) => `a.b${at}`) })],
      ['an event that no table has', 200, BAD, createWebhook({ events: ['pg_shadow.created'] })],
      ['an event that is none', 200, BAD, createWebhook({ events: ["a'; DROP TABLE webhooks"] })],
    ]),
    ...attacksOn('Mutation.updateTenant', [
      ['nothing to change', 200, BAD, updateTenant({})],
      ['settings of 17 KiB', 200, BAD, updateTenant({ settings: { a: 'x'.repeat(17 * 1024) } })],
      [
        'settings 5,000 levels deep',
        200,
        BAD,
        (target) =>
          post(
            target,
            `{"query":${JSON.stringify(UPDATE_TENANT)},"variables":{"input":{"settings":${nested(5_000)}}}}`,
          ),
      ],
      ['a version that never was', 200, 'CONFLICT', updateTenant({ name: 'a', expectedVersion: -1 })],
      ['a version beyond integers', 400, BAD, updateTenant({ name: 'a', expectedVersion: 1e20 })],
    ]),
  ],
};

const rename = (name: string, headers: Readonly<Record<string, string>>, document = RENAME): Attack['send'] =>
  query(document, { name }, { tenant: 'globex', headers });
const RENAME = 'mutation ($name: String!) { updateTenant(input: { name: $name }) { tenant { name } } }';
const reusedKey = 'attack-table';

const idempotency: AttackSection = {
  title: 'Idempotency keys',
  about: 'Nothing takes effect.',
  attacks: attacksOn('a mutation', [
    [
      'the key of another mutation',
      409,
      'CONFLICT',
      async (target) => {
        await rename('Globex', { 'idempotency-key': reusedKey })(target);
        return rename('Another name', { 'idempotency-key': reusedKey })(target);
      },
    ],
    ['a key of 256 characters', 400, 'BAD_REQUEST', rename('Globex', { 'idempotency-key': 'k'.repeat(256) })],
    ['a key with a blank', 400, 'BAD_REQUEST', rename('Globex', { 'idempotency-key': 'a b' })],
    [
      'a secret, to be kept with the result',
      400,
      BAD,
      query(
        'mutation { createApiKey(input: { name: "a", permissions: [MEMBERS_READ] }) { secret } }',
        {},
        { tenant: 'globex', headers: { 'idempotency-key': 'secret' } },
      ),
    ],
  ]),
};

/** All attacks on a server with these modules. */
export const attacksOnModules = (modules: readonly Module[]): readonly AttackSection[] => [
  identity,
  roleRefusals(modules),
  documents,
  requests,
  input,
  idempotency,
];
