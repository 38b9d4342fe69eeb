/** Mutants of `packages/prisma-tenancy`: the guarantees of its bound client on plain row-level security. */
import { edit, type MutantGroup } from './mutant.js';

const EXTENSION = 'packages/prisma-tenancy/src/tenancy.ts';
const CLIENTS = 'packages/prisma-tenancy/src/for-tenant.ts';
const PENDING = 'packages/prisma-tenancy/src/pending-operation.ts';
const BINDING = 'packages/prisma-tenancy/src/set-local.ts';
const CLIENT_TESTS = 'packages/prisma-tenancy/test/tenant-client.test.ts';
const TRANSACTIONS = 'packages/prisma-tenancy/test/transactions.test.ts';
const ATOMICITY = 'packages/prisma-tenancy/test/published-example.test.ts';

export const extension: MutantGroup = {
  title: 'The Prisma extension',
  mutants: [
    {
      name: 'extended-client-answers',
      breaks: 'the extended client runs operations without a tenant',
      edits: [
        edit(
          EXTENSION,
          'throw new NoTenantError(model === undefined ? operation : `${model}.${operation}`);',
          'const [call] = arguments as unknown as [{ args: unknown; query(args: unknown): unknown }];\n          return call.query(call.args);',
        ),
      ],
      tests: [CLIENT_TESTS],
    },
    {
      name: 'extended-client-opens-transactions',
      breaks: 'the extended client opens transactions without a tenant',
      edits: [edit(EXTENSION, "$transaction: () => Promise.reject(new NoTenantError('$transaction')),", '')],
      tests: [CLIENT_TESTS],
    },
    {
      name: 'extended-client-leads-back',
      breaks: 'the extended client leads to the one that was extended',
      edits: [edit(EXTENSION, '$parent: undefined,', '')],
      tests: [CLIENT_TESTS],
    },
    {
      name: 'together-one-by-one',
      breaks: 'operations that are given to $transaction together are transactions of their own',
      edits: [edit(CLIENTS, 'results.push(await each.run(tx));', 'results.push(await this.#write(each));')],
      tests: [ATOMICITY],
    },
    {
      name: 'interactive-one-by-one',
      breaks: 'operations inside $transaction are transactions of their own, as with the published example',
      edits: [edit(CLIENTS, 'work(new Surface(inside))', 'work(new Surface(runner))')],
      tests: [ATOMICITY],
    },
    {
      name: 'ended-with-operations-under-way',
      breaks:
        'a transaction ends while an operation of it goes on, on a connection that the next tenant is given',
      edits: [edit(CLIENTS, 'await Promise.allSettled(this.#underWay);', '')],
      tests: [TRANSACTIONS],
    },
    {
      name: 'late-statements-sent',
      breaks:
        'an operation that is under way when its transaction is out of time goes on in the next one on the connection',
      edits: [
        edit(
          'packages/prisma-tenancy/src/ending-transactions.ts',
          'ended = ENDS_THE_TRANSACTION.test(query.sql);',
          '',
        ),
      ],
      tests: [TRANSACTIONS],
    },
    {
      name: 'outside-while-inside',
      breaks: 'an operation of the client inside its own $transaction leaves it',
      edits: [edit(CLIENTS, 'if (!this.#open.isInside) return;', 'return;')],
      tests: [TRANSACTIONS],
    },
    {
      name: 'operation-of-another-tenant-together',
      breaks: 'an operation of one tenant’s client is run in the transaction of another tenant',
      edits: [edit(PENDING, 'if (client !== this.#client)', 'if (!client)')],
      tests: [TRANSACTIONS],
    },
    {
      name: 'binding-outlives-its-transaction',
      breaks: 'the tenant stays set on the pooled connection',
      edits: [edit(BINDING, "[...strings, ', true)']", "[...strings, ', false)']")],
      tests: [CLIENT_TESTS],
    },
    {
      name: 'binding-to-nothing',
      breaks: 'a context without a tenant is bound to the empty one',
      edits: [edit(BINDING, "if (typeof value !== 'string' || value === '')", 'if (value === null)')],
      tests: [CLIENT_TESTS],
    },
  ],
};
