/** Proves that a client learns nothing of a defect, wherever it occurs, but the id under which it is logged. */
import type { FastifyBaseLogger } from 'fastify';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { startTestServer, TEST_SECRET, type TestServer } from '../support/server.js';
import { SECRET, faultyModule, TRACES, useFaultyServer } from '../support/faulty-server.js';

const { server, bearer, operation, send } = useFaultyServer();

/** Records the lines that the server logs from now on, with their details. */
function recordLog(): { level: string; details: Record<string, unknown>; text: unknown }[] {
  const lines: ReturnType<typeof recordLog> = [];
  const at = (level: string) => (details: unknown, text?: unknown) => {
    lines.push({ level, details: Object(details) as Record<string, unknown>, text });
  };
  const logger: FastifyBaseLogger = {
    level: 'trace',
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    silent: () => undefined,
    child: () => logger,
  };
  vi.spyOn(server().app.log, 'child').mockReturnValue(logger);
  return lines;
}

describe('a defect', () => {
  const DEFECTS = [
    'throws',
    'rejects',
    'returns',
    'guarded',
    'throwsText',
    'library',
    'unlisted',
    'pretends',
    'wrongType',
    'database',
  ];

  test.each(DEFECTS)(
    'of the resolver %s is masked, names the request, and leaves the rest',
    async (field) => {
      const { status, headers, text } = await send('/graphql', operation(`{ me { userId } ${field} }`));
      expect(status).toBe(200);
      const requestId = headers.get('x-request-id');
      expect(JSON.parse(text)).toEqual({
        data: { me: { userId: 'demo|acme|owner' }, [field]: null },
        errors: [
          {
            message: 'Something went wrong on our side.',
            locations: [expect.any(Object)],
            path: [field],
            extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
          },
        ],
        extensions: { cost: expect.any(Object) as object },
      });
      expect(requestId).toBeTruthy();
      expect(text).not.toContain('xyzzy');
      expect(text).not.toMatch(TRACES);
    },
  );

  test.each(DEFECTS)('of the resolver %s is logged once, in full, with its path', async (field) => {
    const lines = recordLog();
    await send('/graphql', operation(`{ ${field} }`));
    const errors = lines.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0]!.details['path']).toBe(field);
    // The errors of a wrong type and of a division by zero have the library's and the database's own messages.
    if (!['wrongType', 'database'].includes(field))
      expect(String(errors[0]!.details['err'])).toContain(SECRET);
    else expect(String(errors[0]!.details['err'])).not.toBe('');
  });

  test('of a field that must not be null is masked where it is', async () => {
    const { text } = await send('/graphql', operation('{ missing { id } }'));
    expect(JSON.parse(text)).toMatchObject({
      data: { missing: null },
      errors: [{ path: ['missing', 'id'], extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
    expect(text).not.toContain('non-nullable');
  });

  test('of two resolvers is two errors with the same request id', async () => {
    const { errors, headers } = await send('/graphql', operation('{ throws rejects }'));
    const requestId = headers.get('x-request-id');
    expect(errors.map(({ extensions }) => extensions)).toEqual([
      { code: 'INTERNAL_SERVER_ERROR', requestId },
      { code: 'INTERNAL_SERVER_ERROR', requestId },
    ]);
  });

  test('outside the resolvers is masked and logged as well', async () => {
    const lines = recordLog();
    vi.spyOn(server().services.authentication.access, 'resolve').mockRejectedValueOnce(new Error(SECRET));
    const { status, headers, text, errors } = await send('/graphql', operation('{ me { userId } }'));
    expect(status).toBe(500);
    expect(errors).toEqual([
      {
        message: 'Something went wrong on our side.',
        extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: headers.get('x-request-id') },
      },
    ]);
    expect(text).not.toContain('xyzzy');
    expect(
      lines.some(({ level, details }) => level === 'error' && String(details['err']).includes(SECRET)),
    ).toBe(true);
  });

  test('of a rule refuses the field, tells nothing, and is logged', async () => {
    const lines = recordLog();
    const { text } = await send('/graphql', operation('{ me { userId } rule }'));
    expect(JSON.parse(text)).toMatchObject({ data: { me: {}, rule: null }, errors: [{ path: ['rule'] }] });
    expect(text).not.toContain('xyzzy');
    expect(JSON.stringify(lines.map(({ details }) => String(details['err'])))).toContain(SECRET);
  });

  test('is not what an expected failure is: that passes as it is, and is not logged as an error', async () => {
    const lines = recordLog();
    const { errors } = await send('/graphql', operation('{ taken }'));
    expect(errors).toMatchObject([{ message: 'This is taken.', extensions: { code: 'CONFLICT' } }]);
    expect(errors[0]!.extensions).toEqual({ code: 'CONFLICT' });
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('in production', () => {
  let production: TestServer | undefined;
  beforeAll(async () => {
    production = await startTestServer({
      modules: [tenantModule, faultyModule],
      database: server().database,
      env: {
        NODE_ENV: 'production',
        DATABASE_URL: server().database.app,
        JWT_SECRET: TEST_SECRET,
        HOST: '127.0.0.1',
      },
    });
  });
  afterAll(async () => {
    await production?.close();
  });

  test('a defect is masked just the same', async () => {
    const { text } = await production!.withHeaders(bearer()).query('{ throws database }');
    expect(text).not.toContain('xyzzy');
    expect(text).not.toMatch(TRACES);
  });

  test('there is no GraphiQL page', async () => {
    for (const path of ['/', '/graphiql']) {
      expect((await fetch(production!.url + path, { redirect: 'manual' })).status).toBe(404);
    }
  });

  test('an unknown field is refused without suggestions', async () => {
    const { errors } = await production!.withHeaders(bearer()).query('{ tenan { id } }');
    expect(errors).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }]);
    expect(errors[0]!.message).not.toContain('Did you mean');
  });
});
