/**
 * Proves that the lists below many objects have the right pages, in one statement for all of them, and no row of another
 * tenant.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PATIENT } from '../support/patience.js';
import { childrenOf } from '../../src/kernel/graphql/children.js';
import { Page, type OrderDirection, type PageArguments } from '../../src/kernel/graphql/connection.js';
import { Loaders } from '../../src/kernel/graphql/loaders.js';
import { sortBy } from '../../src/kernel/graphql/sort-key.js';
import { scopedModels, type ScopedModel } from '../../src/kernel/tenancy/data-model.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { useDemoTenants } from '../support/demo-tenants.js';
import { watchStatements } from '../support/statements.js';

const statements = watchStatements();
const database = useDatabase();
const tenants = useDemoTenants(database);
let opened: Database;

/** A table of tasks in projects, which takes the place of a model with the same fields. */
const TASKS = scopedModels({
  Membership: {
    schema: 'public',
    table: 'tasks',
    fields: {
      tenantId: { type: 'String', column: 'tenant_id' },
      id: { type: 'String', column: 'id' },
      projectId: { type: 'String', column: 'project_id' },
      joinedAt: { type: 'DateTime', column: 'joined_at' },
      size: { type: 'Size', isEnum: true, values: ['S', 'L'], column: 'size' },
    },
    keys: [{ fields: ['tenantId', 'id'] }],
    indexes: [],
  },
});
const project = (tasks: number) => `00000000-0000-4000-8000-00000000000${String(tasks)}`;
const PROJECTS = [0, 1, 5].map(project);
/** The ids of acme's tasks in the order of `joinedAt`, which several of them share. */
let tasks: readonly { readonly id: string; readonly project: string }[] = [];

beforeAll(async () => {
  opened = openTestDatabase({ url: database().app, poolSize: 2, limits: PATIENT });
  await database().asSuperuser(`
    SET ROLE tenantry_owner;
    CREATE TYPE public."Size" AS ENUM ('S', 'L');
    CREATE TABLE public.tasks (
      tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES public.tenants (id),
      id uuid NOT NULL DEFAULT tenantry.uuid_v7(),
      project_id uuid NOT NULL,
      joined_at timestamptz(3) NOT NULL,
      size public."Size" NOT NULL DEFAULT 'L',
      PRIMARY KEY (tenant_id, id)
    );
    SELECT tenantry.protect('tasks');
    RESET ROLE;`);
  for (const { tenantId } of [tenants().globex, tenants().acme]) {
    tasks = await database().asSuperuser<{ id: string; project: string }>(
      `WITH made AS (
         INSERT INTO tasks (tenant_id, project_id, joined_at)
         SELECT $1, project, timestamptz '2024-01-01Z' + (n / 2) * interval '1 ms'
         FROM unnest($2::uuid[]) project, generate_series(1, right(project::text, 1)::int) n
         RETURNING *
       ) SELECT id, project_id AS project FROM made ORDER BY joined_at, id`,
      [tenantId, PROJECTS],
    );
  }
});
afterAll(() => opened.close());

const ORDERS: readonly (readonly ['id' | 'joinedAt', OrderDirection])[] = [
  ['id', 'asc'],
  ['id', 'desc'],
  ['joinedAt', 'asc'],
  ['joinedAt', 'desc'],
];

/** The lists of these parents as in one request. */
function lists(
  models: ReadonlyMap<string, ScopedModel>,
  [field, parents]: readonly [string, readonly string[]],
  args: PageArguments,
  [key, direction]: (typeof ORDERS)[number] = ORDERS[0]!,
) {
  const context = { db: opened.forTenant(tenants().acme), loaders: new Loaders(), models };
  const page = () => new Page(args, { key: sortBy('Membership', key), direction });
  return Promise.all(
    parents.map((parent) => childrenOf<{ id: string }>(context, 'Membership', { [field]: parent }, page())),
  );
}

const ofTasks = (args: PageArguments, order?: (typeof ORDERS)[number]) =>
  lists(TASKS, ['projectId', PROJECTS], args, order);

const idsOf = ({ nodes }: { readonly nodes: readonly { readonly id: string }[] }) =>
  nodes.map(({ id }) => id);

test.each(ORDERS)('pages in the order of %s, %s, forwards and backwards', async (key, direction) => {
  for (const [at, parent] of PROJECTS.entries()) {
    const expected = tasks.filter((task) => task.project === parent).map(({ id }) => id);
    if (key === 'id') expected.sort();
    if (direction === 'desc') expected.reverse();
    const list = async (args: PageArguments) => (await ofTasks(args, [key, direction]))[at]!;
    const all = await list({});
    expect(idsOf(all)).toEqual(expected);
    expect(await all.totalCount()).toBe(expected.length);
    const forwards: string[] = [];
    for (let after: string | null = null, more = true; more;) {
      const page = await list({ first: 2, after });
      forwards.push(...idsOf(page));
      ({ endCursor: after, hasNextPage: more } = page.pageInfo);
    }
    expect(forwards).toEqual(expected);
    const backwards: string[] = [];
    for (let before: string | null = null, more = true; more;) {
      const page = await list({ last: 2, before });
      backwards.unshift(...idsOf(page));
      ({ startCursor: before, hasPreviousPage: more } = page.pageInfo);
    }
    expect(backwards).toEqual(expected);
  }
});

test('all lists of a request are one statement, and their totals another', async () => {
  const sent = await statements.during(async () => {
    const found = await ofTasks({ first: 1 });
    expect(found.map(({ nodes }) => nodes.length)).toEqual([0, 1, 1]);
    expect(await Promise.all(found.map(({ totalCount }) => totalCount()))).toEqual([0, 1, 5]);
  });
  expect(sent.filter((text) => text.includes('LATERAL'))).toHaveLength(1);
  expect(sent.filter((text) => text.includes('count(*)'))).toHaveLength(1);
  expect(sent).toHaveLength(2);
});

test('rows have the form that Prisma gives them', async () => {
  const [, list] = await ofTasks({});
  expect(list!.nodes).toEqual([
    {
      tenantId: tenants().acme.tenantId,
      id: expect.any(String) as string,
      projectId: project(1),
      joinedAt: new Date('2024-01-01T00:00:00Z'),
      size: 'L',
    },
  ]);
});

test('a model with an enum that only Prisma reads has the same lists', async () => {
  const members = opened.models.get('Membership')!;
  const role = { ...members.columns.get('role')!, isMapped: true } as const;
  const mapped = new Map(opened.models).set('Membership', {
    ...members,
    columns: new Map([...members.columns, ['role', role]]),
  });
  const parents = [tenants().acme.tenantId, tenants().globex.tenantId];
  for (const order of ORDERS) {
    for (const args of [{}, { first: 2 }, { last: 1 }]) {
      const [plain, byPrisma] = await Promise.all(
        [opened.models, mapped].map((models) => lists(models, ['tenantId', parents], args, order)),
      );
      expect(byPrisma!.map(({ nodes }) => nodes)).toEqual(plain!.map(({ nodes }) => nodes));
      expect(plain!.map(({ nodes }) => nodes.length > 0)).toEqual([true, false]);
    }
  }
});
