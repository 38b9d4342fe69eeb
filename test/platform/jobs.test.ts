/** Proves what the API shows of a tenant's jobs, and that it retries and cancels only those of the tenant. */
import { beforeAll, expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { insertJob } from '../support/rows.js';
import { useServer, type TestClient } from '../support/server.js';

const server = useServer();
let owner: TestClient;
let stranger: TestClient;
beforeAll(async () => {
  owner = await server().as('owner', 'acme');
  stranger = await server().as('owner', 'globex');
});

interface Node {
  readonly id: string;
  readonly task: string;
  readonly state: string;
}
interface Listed {
  readonly jobs: {
    readonly nodes: readonly Node[];
    readonly totalCount: number;
    readonly pageInfo: { readonly endCursor: string; readonly hasNextPage: boolean };
  };
}

const LIST = `query ($first: Int, $after: String, $last: Int, $filter: JobFilter, $orderBy: JobOrder) {
  jobs(first: $first, after: $after, last: $last, filter: $filter, orderBy: $orderBy) {
    nodes { id task state } totalCount pageInfo { endCursor hasNextPage }
  }
}`;
const changing = (field: string) =>
  `mutation ($input: ${field === 'retryJob' ? 'RetryJobInput' : 'CancelJobInput'}!) {
    ${field}(input: $input) { job { id state attempt lastError finishedAt } }
  }`;
const insert = async (tenant: string, values: Parameters<typeof insertJob>[2] = {}) =>
  encodeId('Job', await insertJob(server().database, tenant, values));

test('lists the jobs of the tenant, page by page, in both orders', async () => {
  const filter = { task: 'test.pages' };
  const ids: string[] = [];
  for (let each = 0; each < 5; each++) ids.push(await insert('acme', filter));
  await insert('globex', filter);
  const first = (await owner.query<Listed>(LIST, { first: 2, filter })).data.jobs;
  expect(first).toMatchObject({ totalCount: 5, pageInfo: { hasNextPage: true } });
  expect(first.nodes.map(({ id }) => id)).toEqual([ids[4], ids[3]]);
  const after = first.pageInfo.endCursor;
  const rest = (await owner.query<Listed>(LIST, { first: 9, after, filter })).data.jobs;
  expect(rest.nodes.map(({ id }) => id)).toEqual([ids[2], ids[1], ids[0]]);
  const last = (await owner.query<Listed>(LIST, { last: 2, filter })).data.jobs;
  expect(last.nodes.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
  const orderBy = { direction: 'ASC' };
  const oldest = (await owner.query<Listed>(LIST, { first: 1, filter, orderBy })).data.jobs;
  expect(oldest.nodes.map(({ id }) => id)).toEqual([ids[0]]);
});

test('filters by state and request', async () => {
  const dead = await insert('acme', { task: 'test.filter', requestId: 'some-request' });
  const queued = await insert('acme', { task: 'test.filter', state: 'queued' });
  const found = async (filter: object) =>
    (await owner.query<Listed>(LIST, { filter: { task: 'test.filter', ...filter } })).data.jobs.nodes.map(
      ({ id }) => id,
    );
  expect(await found({ state: 'DEAD' })).toEqual([dead]);
  expect(await found({ state: 'QUEUED' })).toEqual([queued]);
  expect(await found({ requestId: 'some-request' })).toEqual([dead]);
});

test('retries a dead job once, and records who did', async () => {
  const id = await insert('acme', { lastError: 'It failed.' });
  const { data, errors } = await owner.query(changing('retryJob'), { input: { id } });
  expect(errors).toEqual([]);
  expect(data).toEqual({
    retryJob: { job: { id, state: 'QUEUED', attempt: 0, lastError: 'It failed.', finishedAt: null } },
  });
  const [entry] = await server().database.asSuperuser(
    "SELECT actor, entity FROM audit_log WHERE action = 'job.retried' AND entity_id = $1",
    [id],
  );
  expect(entry).toEqual({ actor: 'demo|acme|owner', entity: 'Job' });
});

test('cancels a queued job, and not one that has ended', async () => {
  const id = await insert('acme', { state: 'queued' });
  const cancel = () => owner.query(changing('cancelJob'), { input: { id } });
  expect((await cancel()).data).toMatchObject({ cancelJob: { job: { state: 'CANCELLED' } } });
  expect((await cancel()).errors).toMatchObject([{ extensions: { code: 'CONFLICT' } }]);
});

test('another tenant’s job does not exist', async () => {
  const id = await insert('acme', { task: 'test.foreign' });
  for (const field of ['retryJob', 'cancelJob']) {
    const { errors } = await stranger.query(changing(field), { input: { id } });
    expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
  }
  const { data } = await stranger.query<Listed>(LIST, { filter: { task: 'test.foreign' } });
  expect(data.jobs).toMatchObject({ nodes: [], totalCount: 0 });
});

test('needs jobs:manage', async () => {
  const member = await server().as('member', 'acme');
  expect((await member.query(LIST)).errors).toMatchObject([
    { extensions: { code: 'FORBIDDEN', requires: 'jobs:manage' } },
  ]);
});

test('metrics count the jobs of all tenants by task', async () => {
  await insert('globex', { task: 'test.counted' });
  await insert('acme', { task: 'test.counted', state: 'queued' });
  const text = await (await fetch(`${server().url}/metrics`)).text();
  expect(text).toContain('tenantry_jobs{task="test.counted",state="dead"} 1');
  expect(text).toContain('tenantry_jobs{task="test.counted",state="ready"} 1');
  expect(text).toMatch(/tenantry_jobs_oldest_ready_seconds\{task="test.counted"\} \d/);
  expect(text).not.toContain('acme');
});
