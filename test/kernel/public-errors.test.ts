/** Proves that an error of the database becomes the right public error, in whatever form the failure arrives. */
import { DriverAdapterError, type MappedError } from '@prisma/driver-adapter-utils';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { publicError, WriteInReadError } from '../../src/kernel/vocabulary/errors.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { startTestServer } from '../support/server.js';
import { createTestDatabase, useDatabase } from '../support/database.js';

const database = useDatabase();

async function failure(sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: database().superuser });
  await client.connect();
  try {
    await client.query(sql);
  } catch (error) {
    return error;
  } finally {
    await client.end();
  }
  throw new Error('the statement did not fail');
}

test('a row that others refer to is in use, not missing', async () => {
  expect(publicError(await failure('DELETE FROM tenants'))?.code).toBe('CONFLICT');
});

test('a reference to a row that is not there is to something missing', async () => {
  const insert = `INSERT INTO memberships (tenant_id, user_id, email, role)
                  VALUES ('00000000-0000-7000-8000-000000000000', 'u', 'e', 'viewer')`;
  // The audit trigger would fire second. In either case a foreign key fails.
  expect(publicError(await failure(insert))?.code).toBe('NOT_FOUND');
});

test('a failure whose cause refers to itself is judged like any other', () => {
  const cause: { self?: unknown; size: bigint } = { size: 1n };
  cause.self = cause;
  expect(publicError(new Error('unexpected', { cause }))).toBeUndefined();
  expect(
    publicError(new Error('no answer', { cause: new Error('connect ECONNREFUSED 127.0.0.1:1') }))?.code,
  ).toBe('UNAVAILABLE');
});

describe('that there is no database to be had is UNAVAILABLE, in whatever words', () => {
  const KINDS: readonly MappedError[] = [
    { kind: 'DatabaseNotReachable' },
    { kind: 'ConnectionClosed' },
    { kind: 'SocketTimeout' },
    { kind: 'TlsConnectionError', reason: 'x' },
    { kind: 'TooManyConnections', cause: 'x' },
  ];
  const STATES = [
    ...['08000', '08003', '08006', '25006', '25P03', '25P04', '40003'],
    ...['53000', '53100', '53200', '53300', '53400', '55P03', '57014'],
    ...['57P01', '57P02', '57P03', '57P05'],
  ];
  const WORDS = [
    ...[
      'read ECONNRESET',
      'write EPIPE',
      'connect ECONNREFUSED',
      'getaddrinfo EAI_AGAIN db',
      'connect ENETUNREACH',
    ],
    ...['Connection terminated', 'Connection terminated unexpectedly', 'timeout expired'],
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Client has encountered a connection error and is not queryable',
    'Client was closed and is not queryable',
    'Cannot use a pool after calling end on the pool',
  ];
  const withState = (code: string) => Object.assign(new pg.DatabaseError('x', 1, 'error'), { code });
  const known = (code: string, error: DriverAdapterError) =>
    new Prisma.PrismaClientKnownRequestError('x', {
      code,
      clientVersion: '',
      meta: { driverAdapterError: error },
    });
  const adapter = (kind: MappedError, originalCode?: string) =>
    new DriverAdapterError({ ...kind, ...(originalCode !== undefined && { originalCode }) });
  const postgres = (code: string): MappedError => ({
    ...{ kind: 'postgres', code, severity: 'ERROR', message: 'x', detail: undefined, column: undefined },
    hint: undefined,
  });

  test.each<[string, unknown]>([
    ...KINDS.flatMap((kind): [string, unknown][] => [
      [`${kind.kind}, of an adapter`, adapter(kind)],
      [`${kind.kind}, of a raw statement`, known('P2010', adapter(kind))],
    ]),
    ...['P1001', 'P1002', 'P1008', 'P1011', 'P1017', 'P2024', 'P2028', 'P2037'].map(
      (code): [string, unknown] => [
        code,
        new Prisma.PrismaClientKnownRequestError('x', { code, clientVersion: '' }),
      ],
    ),
    ...STATES.flatMap((state): [string, unknown][] => [
      [`${state}, of pg`, withState(state)],
      [`${state}, at COMMIT`, adapter(postgres(state), state)],
      [`${state}, of Prisma`, known('P2039', adapter(postgres(state), state))],
    ]),
    ...WORDS.map((words): [string, unknown] => [words, new Error(words)]),
  ])('%s', (_name, error) => {
    expect(publicError(error)?.code).toBe('UNAVAILABLE');
  });

  test.each<[string, unknown]>([
    ['a refused connection', Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })],
    ['a connection that an administrator ends', withState('57P01')],
    ['an adapter without a server', adapter({ kind: 'DatabaseNotReachable' })],
    ['a server that Prisma does not reach', known('P1001', adapter({ kind: 'DatabaseNotReachable' }))],
  ])('%s is no busy server', (_name, error) => {
    expect(publicError(error)?.message).toBe('The database cannot be reached. Try again later.');
  });

  test.each<[string, unknown]>([
    ['no free connection', new Error('timeout exceeded when trying to connect')],
    ['a statement that took too long', withState('57014')],
    ['too many connections', withState('53300')],
  ])('%s is a busy one', (_name, error) => {
    expect(publicError(error)?.message).toMatch(/^The server is too busy/);
  });

  test.each<[string, unknown]>([
    ['a login that is refused', withState('28P01')],
    ['a defect of PostgreSQL', withState('XX000')],
    ['a statement that is wrong', withState('42601')],
    ['a feature that is not there', withState('0A000')],
    ['a transaction that is closed', adapter({ kind: 'TransactionAlreadyClosed', cause: 'x' })],
    ['a read that writes', new WriteInReadError(withState('25006'))],
  ])('%s is not', (_name, error) => {
    expect(publicError(error)).toBeUndefined();
  });
});

test('a database that takes no writes is read, and UNAVAILABLE to mutations', async () => {
  const database = await createTestDatabase();
  // Sets it for the role in this database, because that precedes the role's own default, which is off.
  await database.asSuperuser(
    `ALTER ROLE tenantry_app IN DATABASE ${database.name} SET default_transaction_read_only = on`,
  );
  const server = await startTestServer({ database });
  try {
    const owner = await server.as('owner', 'acme');
    expect((await owner.query('{ members { totalCount } }')).errors).toEqual([]);
    const rename = 'mutation { updateTenant(input: { name: "New" }) { tenant { name } } }';
    const { errors } = await owner.query(rename);
    expect(errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }]);
  } finally {
    await server.close();
    await database.drop();
  }
});
