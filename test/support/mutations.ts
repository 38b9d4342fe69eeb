/** Shared by the tests of mutations: runs a mutation and reads what it changed in the database. */
import { expect } from 'vitest';
import { useClients, type ClientOf } from './clients.js';
import type { TestDatabase } from './database.js';
import { auditRows, type AuditRow } from './rows.js';
import type { Answer, TestServer } from './server.js';

export interface Caller {
  /** The name of a demo user, such as `owner`, or an e-mail address. */
  readonly user?: string;
  readonly tenant?: string;
  /** Sent as `x-request-id`. */
  readonly requestId?: string;
}

export interface Mutations {
  /** Creates the clients of callers. Creation reads the database, so tests of races do it beforehand. */
  readonly clientOf: ClientOf;
  /** Runs `mutation ($input: <Type>Input!) { <field>(input: $input) { <selection> } }`. */
  readonly run: <Payload = Record<string, unknown>>(
    field: string,
    selection: string,
    input: object,
    caller?: Caller,
  ) => Promise<Answer<Record<string, Payload | null>>>;
  /** Runs a mutation that must succeed. The result includes the audit entries of its request. */
  readonly succeed: <Payload = Record<string, unknown>>(
    field: string,
    selection: string,
    input: object,
    caller?: Caller,
  ) => Promise<{ readonly payload: Payload; readonly entries: readonly AuditRow[] }>;
  /** Runs a mutation that must be refused and change nothing. Returns the error's extensions. */
  readonly refused: (
    field: string,
    selection: string,
    input: object,
    caller?: Caller,
  ) => Promise<{ readonly code: string } & Readonly<Record<string, unknown>>>;
}

export function useMutations(server: () => TestServer, tables: readonly string[]): Mutations {
  const clientOf = useClients(server);

  const run: Mutations['run'] = async (
    field,
    selection,
    input,
    { user = 'owner', tenant = 'acme', requestId } = {},
  ) => {
    const { token } = await clientOf(user, tenant);
    const client = server().withHeaders({
      authorization: `Bearer ${token}`,
      ...(requestId !== undefined && { 'x-request-id': requestId }),
    });
    const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input`;
    return client.query(`mutation ($input: ${type}!) { ${field}(input: $input) { ${selection} } }`, {
      input,
    });
  };

  return {
    clientOf,
    run,
    succeed: async <Payload>(field: string, selection: string, input: object, caller: Caller = {}) => {
      const { data, errors, headers } = await run<Payload>(field, selection, input, caller);
      expect(errors).toEqual([]);
      const requestId = headers.get('x-request-id')!;
      expect(requestId).toBeTruthy();
      const all = await auditRows(server().database, caller.tenant ?? 'acme');
      return { payload: data[field]!, entries: all.filter((entry) => entry.request_id === requestId) };
    },
    refused: async (field, selection, input, caller) => {
      const before = await stateOf(server().database, tables);
      const { data, errors } = await run(field, selection, input, caller);
      expect(data).toEqual({ [field]: null });
      expect(errors).toHaveLength(1);
      expect(errors[0]!.path).toEqual([field]);
      expect(await stateOf(server().database, tables)).toEqual(before);
      return errors[0]!.extensions;
    },
  };
}

/** Every row of the tables, as text, without when keys were last used: a timer of the server writes that. */
export async function stateOf(database: TestDatabase, tables: readonly string[]): Promise<unknown> {
  const state: Record<string, unknown> = {};
  for (const table of [...tables, 'audit_log']) {
    const row = table === 'api_keys' ? "(to_jsonb(t) - 'last_used_at')::text" : 't::text';
    state[table] = await database.asSuperuser(`SELECT ${row} AS row FROM "${table}" AS t ORDER BY 1`);
  }
  return state;
}

/** Makes the insertion of audit entries with this action fail while `work` runs. */
export async function withoutAuditOf<Result>(
  database: TestDatabase,
  action: string,
  work: () => Promise<Result>,
): Promise<Result> {
  await database.asSuperuser(
    `ALTER TABLE audit_log ADD CONSTRAINT refused_by_the_test CHECK (action <> '${action}') NOT VALID`,
  );
  try {
    return await work();
  } finally {
    await database.asSuperuser('ALTER TABLE audit_log DROP CONSTRAINT refused_by_the_test');
  }
}

/** The parts of an answer that can distinguish it from another: all but its date and request id. */
export function whatTheAnswerTells({ status, text, headers }: Answer<unknown>): unknown {
  const named = [...headers].filter(([name]) => !['date', 'x-request-id', 'ratelimit'].includes(name));
  return { status, text, headers: Object.fromEntries(named) };
}
