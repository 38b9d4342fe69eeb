/**
 * The server as a subgraph of a federation: a real gateway composes its schema with another subgraph and reads its
 * objects; `_service` and `_entities` open nothing. The generated attack tries them too (attack.slow.test.ts).
 */
import { randomUUID } from 'node:crypto';
import { buildASTSchema, isObjectType, parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/kernel/config/config-error.js';
import { readConfig } from '../../src/kernel/config/config.js';
import { schemaFor } from '../../src/kernel/access/role-schema.js';
import { MOST_ENTITIES, subgraphSdl } from '../../src/kernel/graphql/federation.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import { ROLES } from '../../src/kernel/vocabulary/permissions.js';
import { modules } from '../../src/modules.js';
import { useKeyClients } from '../support/key-clients.js';
import { insertApiKey } from '../support/rows.js';
import { useServer, type TestClient } from '../support/server.js';
import { watchStatements } from '../support/statements.js';
import { compose, startSupergraph, type Supergraph } from '../support/supergraph.js';

const statements = watchStatements();
const server = useServer({ env: { FEDERATION: 'true' } });
const withoutFederation = useServer();
const keyWith = useKeyClients(server);

const SERVICE = '{ _service { sdl } }';
const ENTITIES =
  'query ($representations: [_Any!]!) { _entities(representations: $representations) { __typename ... on Node { id } } }';

interface Service {
  readonly _service: { readonly sdl: string };
}
interface Listed {
  readonly nodes: readonly { readonly id: string }[];
}

let owner: TestClient;
let viewer: TestClient;
let stranger: TestClient;
beforeAll(async () => {
  for (const tenant of ['acme', 'globex']) await insertApiKey(server().database, tenant);
  owner = await server().as('owner', 'acme');
  viewer = await server().as('viewer', 'acme');
  stranger = await server().as('owner', 'globex');
});

const sdlOf = async (client: TestClient) => (await client.query<Service>(SERVICE)).data._service.sdl;

async function idsOf(
  client: TestClient,
): Promise<{ Membership: string; ApiKey: string; AuditEntry: string }> {
  const { data } = await client.query<{ members: Listed; apiKeys: Listed; auditLog: Listed }>(`{
    members(first: 1) { nodes { id } } apiKeys(first: 1) { nodes { id } } auditLog(first: 1) { nodes { id } }
  }`);
  return {
    Membership: data.members.nodes[0]!.id,
    ApiKey: data.apiKeys.nodes[0]!.id,
    AuditEntry: data.auditLog.nodes[0]!.id,
  };
}

const entities = (client: TestClient, ...representations: unknown[]) =>
  client.query<{ _entities: unknown[] }>(ENTITIES, { representations });

describe('behind a gateway', () => {
  let supergraph: Supergraph;
  let holder: string;
  beforeAll(async () => {
    ({ Membership: holder } = await idsOf(owner));
    const { Membership: elsewhere } = await idsOf(stranger);
    supergraph = await startSupergraph({ sdl: await sdlOf(owner), url: `${server().url}/graphql` }, [
      { id: '1', room: 'a room', holder },
      { id: '2', room: 'a room of another tenant', holder: elsewhere },
    ]);
  });
  afterAll(() => supergraph.close());

  const DESKS = '{ desks { room holder { id userId role badge } } }';

  test('another subgraph refers to objects of this one, and requires a field of them', async () => {
    const { data: own } = await owner.query<{ node: { userId: string; role: string } }>(
      `{ node(id: "${holder}") { ... on Membership { userId role } } }`,
    );
    const { data, errors } = await supergraph.ask(owner.token, DESKS);
    expect(errors).toBeUndefined();
    expect(data?.['desks']).toMatchObject([
      { room: 'a room', holder: { id: holder, ...own.node, badge: `badge of ${own.node.role}` } },
      { room: 'a room of another tenant', holder: null },
    ]);
  });

  test('another subgraph adds fields to objects of this one', async () => {
    const { data, errors } = await supergraph.ask(
      owner.token,
      '{ members(first: 100) { nodes { id role badge desk { room } } } }',
    );
    expect(errors).toBeUndefined();
    const { nodes } = data?.['members'] as {
      nodes: { id: string; role: string; badge: string; desk: { room: string } | null }[];
    };
    expect(nodes.length).toBeGreaterThan(1);
    for (const { id, role, badge, desk } of nodes) {
      expect(badge).toBe(`badge of ${role}`);
      expect(desk).toEqual(id === holder ? { room: 'a room' } : null);
    }
  });

  test('each caller sees what it would see without the gateway', async () => {
    const key = await keyWith('settings:manage');
    const { data, errors } = await supergraph.ask(key.token, DESKS);
    expect(JSON.stringify(data)).not.toContain('demo|');
    expect(errors?.map(({ extensions }) => extensions)).toContainEqual(
      expect.objectContaining({ code: 'FORBIDDEN', requires: 'members:read' }),
    );
    const { data: theirs } = await supergraph.ask(stranger.token, DESKS);
    expect(theirs?.['desks']).toMatchObject([{ holder: null }, { holder: { role: 'OWNER' } }]);
  });

  test('a mutation with an idempotency key takes effect once', async () => {
    const rename = (name: string) =>
      `mutation { updateTenant(input: { name: "${name}" }) { tenant { name } } }`;
    const key = { 'idempotency-key': randomUUID() };
    const first = await supergraph.ask(owner.token, rename('once'), key);
    expect(first).toMatchObject({ data: { updateTenant: { tenant: { name: 'once' } } } });
    await supergraph.ask(owner.token, rename('since then'));
    expect(await supergraph.ask(owner.token, rename('once'), key)).toMatchObject(first);
    const { data } = await supergraph.ask(owner.token, '{ tenant { name } desks { holder { role } } }', key);
    expect(data).toMatchObject({
      tenant: { name: 'since then' },
      desks: [{ holder: { role: 'OWNER' } }, {}],
    });
    const { errors } = await supergraph.ask(owner.token, rename('another request'), key);
    // The gateway has its own words for any status but 200, and adds the answer.
    expect(errors).toMatchObject([
      { extensions: { response: { status: 409, body: { errors: [{ extensions: { code: 'CONFLICT' } }] } } } },
    ]);
  });
});

describe('_service', () => {
  test('says what the caller may use, and as much as the command prints for its role', async () => {
    const api = buildApi(modules, { federation: true });
    for (const role of ROLES) {
      const sdl = await sdlOf(await server().as(role, 'acme'));
      expect(sdl).toBe(subgraphSdl(schemaFor(api, api.roles.of(role))));
    }
    expect(await sdlOf(owner)).toContain('apiKeys(');
    expect(await sdlOf(viewer)).not.toMatch(/ApiKey|auditLog/);
  });

  test('has keys, and nothing that a router knows by itself', async () => {
    const sdl = await sdlOf(owner);
    expect(sdl).not.toMatch(/_service|_entities|_Any|_Service/);
    const schema = buildASTSchema(parse(sdl), { assumeValidSDL: true });
    for (const type of Object.values(schema.getTypeMap()).filter(isObjectType)) {
      const isNode = type.getInterfaces().some(({ name }) => name === 'Node');
      const keys = type.astNode?.directives?.filter(({ name }) => name.value === 'key') ?? [];
      expect([type.name, keys.length]).toEqual([type.name, isNode ? 1 : 0]);
    }
  });

  test.each(ROLES)('the schema of the role %s can be composed', async (role) => {
    const sdl = await sdlOf(await server().as(role, 'acme'));
    // The other subgraph extends Membership, which not every role can read.
    const { errors, supergraphSdl } = compose(sdl);
    expect(errors).toEqual([]);
    expect(supergraphSdl).toContain('join__type(graph: TENANTRY');
  });
});

describe('_entities', () => {
  test('answers objects in the order of their representations, each once as it was asked for', async () => {
    const { Membership, ApiKey, AuditEntry } = await idsOf(owner);
    const asked = [
      { __typename: 'ApiKey', id: ApiKey },
      { __typename: 'Membership', id: Membership },
      { __typename: 'AuditEntry', id: AuditEntry },
      { __typename: 'ApiKey', id: ApiKey },
    ];
    const { data, errors } = await entities(owner, ...asked);
    expect(errors).toEqual([]);
    expect(data._entities).toEqual(asked);
  });

  test('answers nothing of another tenant, with the statements of an id that nobody has', async () => {
    for (const [__typename, id] of Object.entries(await idsOf(stranger))) {
      expect((await entities(stranger, { __typename, id })).data._entities).toEqual([{ __typename, id }]);
      const sent: string[][] = [];
      for (const asked of [id.slice(0, -36) + randomUUID(), id]) {
        let answer: unknown;
        sent.push([
          ...(await statements.during(async () => {
            const { data, errors } = await entities(owner, { __typename, id: asked });
            answer = { data, errors };
          })),
        ]);
        expect([__typename, answer]).toEqual([__typename, { data: { _entities: [null] }, errors: [] }]);
      }
      expect(sent[1]).toEqual(sent[0]);
    }
  });

  test('refuses types that the caller may not read, before it reads anything', async () => {
    const { ApiKey, AuditEntry } = await idsOf(owner);
    const sent = await statements.during(async () => {
      const { data, errors } = await entities(
        viewer,
        { __typename: 'ApiKey', id: ApiKey },
        { __typename: 'AuditEntry', id: AuditEntry },
      );
      expect(data._entities).toEqual([null, null]);
      expect(errors).toMatchObject([
        { path: ['_entities', 0], extensions: { code: 'FORBIDDEN', requires: 'settings:manage' } },
        { path: ['_entities', 1], extensions: { code: 'FORBIDDEN', requires: 'audit:read' } },
      ]);
    });
    expect(sent).toEqual([]);
  });

  test('answers no object under the name of another type', async () => {
    const { Membership, ApiKey } = await idsOf(owner);
    const { data, errors } = await entities(
      owner,
      { __typename: 'ApiKey', id: Membership },
      { __typename: 'Membership', id: ApiKey },
      { __typename: 'Nothing', id: Membership },
    );
    expect([data._entities, errors]).toEqual([[null, null, null], []]);
  });

  test.each([
    [{ id: 'membership_0199e7a5-5d7e-7c1a-9d59-3f6a1c0c2b11' }, 'representations[0] has no __typename.'],
    [{ __typename: 'Membership' }, 'representations[0] has no id.'],
    [{ __typename: 'Membership', id: 1 }, 'representations[0] has no id.'],
    [
      { __typename: 'Membership', id: randomUUID() },
      'representations[0] is not an id that carries its type.',
    ],
    [{ __typename: 'Membership', id: 'x' }, 'representations[0] is not an id that carries its type.'],
    ['Membership', 'representations[0] has no __typename.'],
  ])('refuses %j', async (representation, message) => {
    const { data, errors } = await entities(owner, representation);
    expect(data._entities).toEqual([null]);
    expect(errors).toMatchObject([
      {
        message,
        path: ['_entities', 0],
        extensions: { code: 'BAD_USER_INPUT', field: 'representations[0]' },
      },
    ]);
  });

  test('takes literals like variables', async () => {
    const { Membership } = await idsOf(owner);
    const { data } = await owner.query(
      `{ _entities(representations: [{ __typename: "Membership", id: "${Membership}" }]) { ... on Membership { id } } }`,
    );
    expect(data).toEqual({ _entities: [{ id: Membership }] });
  });

  test('takes a limited number, reads those of a type with one statement, and costs as much as it may answer', async () => {
    const { Membership } = await idsOf(owner);
    const some = Array.from({ length: 300 }, () => ({
      __typename: 'Membership',
      id: `membership_${randomUUID()}`,
    }));
    let text = '';
    const sent = await statements.during(async () => {
      ({ text } = await entities(owner, { __typename: 'Membership', id: Membership }, ...some));
    });
    expect(sent.filter((each) => each.includes('memberships'))).toHaveLength(1);
    const { extensions } = JSON.parse(text) as { extensions: { cost: { requested: number } } };
    expect(extensions.cost.requested).toBe(301 * 3);
    const { data, errors } = await entities(
      owner,
      ...Array.from({ length: MOST_ENTITIES + 1 }, () => ({ __typename: 'Tenant', id: 'x' })),
    );
    expect(data).toEqual({});
    expect(errors).toMatchObject([
      { message: 'representations may have at most 1000 objects.', extensions: { code: 'BAD_USER_INPUT' } },
    ]);
  });
});

describe('the configuration', () => {
  test('has no federation by default', async () => {
    expect(readConfig({}).federation).toBe(false);
    const client = await withoutFederation().as('owner', 'acme');
    for (const document of [SERVICE, '{ _entities(representations: []) { __typename } }']) {
      expect((await client.query(document)).errors).toMatchObject([
        { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
      ]);
    }
  });

  test('refuses it beside trusted documents only', () => {
    const env = { FEDERATION: 'true', TRUSTED_DOCUMENTS: 'documents.json', TRUSTED_DOCUMENTS_ONLY: 'true' };
    expect(() => readConfig(env)).toThrow(ConfigError);
    expect(() => readConfig(env)).toThrow(/^TRUSTED_DOCUMENTS_ONLY and FEDERATION/);
  });

  test('describes everything that federation adds', () => {
    expect(buildApi(modules, { federation: true }).undescribed).toEqual([]);
  });
});
