/** Mutants of `src/tenancy`: the filter of the application, and how its statements come to be bound. */
import { edit, type MutantGroup } from './mutant.js';

const FILTER = 'src/tenancy/tenant-filter.ts';
const FLIGHT = 'src/tenancy/flight.ts';
const CLIENT = 'src/tenancy/tenant-client.ts';
const NARROWED = 'return { ...args, where: this.narrow(';
const LAYERS = 'test/kernel/isolation-layers.test.ts';

/** The filter with an exception for some operations. */
const unless = (operations: string) =>
  edit(FILTER, NARROWED, `if (/^(${operations})/.test(operation)) return args;\n    ${NARROWED}`);

export const filter: MutantGroup = {
  title: 'The filter of the application',
  mutants: [
    {
      name: 'filter-off',
      breaks: 'no operation is narrowed to the tenant',
      edits: [unless('')],
      tests: [LAYERS],
    },
    {
      name: 'filter-off-for-updates',
      breaks: 'updates are not narrowed to the tenant',
      edits: [unless('update|upsert')],
      tests: [LAYERS],
    },
    {
      name: 'filter-off-for-deletes',
      breaks: 'deletes are not narrowed to the tenant',
      edits: [unless('delete')],
      tests: [LAYERS],
    },
    {
      name: 'filter-off-for-numbers',
      breaks: 'count, aggregate and groupBy are not narrowed to the tenant',
      edits: [unless('count|aggregate|groupBy')],
      tests: [LAYERS],
    },
    {
      name: 'filter-overwritten',
      breaks: 'a caller that names a tenant in its condition overwrites the filter',
      edits: [
        edit(
          FILTER,
          'if (!(tenantField in where)) return { ...where, [tenantField]: this.tenantId };',
          'if (this.tenantId) return { [tenantField]: this.tenantId, ...where };',
        ),
      ],
      tests: [LAYERS],
    },
    {
      name: 'nested-writes-unfiltered',
      breaks: 'a nested write may name another tenant',
      edits: [
        edit(
          FILTER,
          'else if (model.relations.has(key)) this.refuseForeignRelation(model, key, value);',
          'else if (model.relations.has(key)) continue;',
        ),
      ],
      tests: [LAYERS],
    },
    {
      name: 'foreign-data-accepted',
      breaks: 'the data of a write may name another tenant',
      edits: [edit(FILTER, 'if (named !== undefined && named !== this.tenantId) {', 'if (named === null) {')],
      tests: [LAYERS],
    },
    {
      name: 'plain-statements-unfiltered',
      breaks: 'the condition on the tenant is lost where a statement is made without Prisma',
      edits: [
        edit(
          'src/tenancy/plain-statement.ts',
          'for (const key in where) {',
          'for (const key in where) {\n      if (key === this.model.tenantField) continue;',
        ),
      ],
      tests: ['test/kernel/flight.test.ts'],
    },
  ],
};

export const binding: MutantGroup = {
  title: 'Binding',
  mutants: [
    {
      name: 'reads-unbound',
      breaks: 'reads fly without the binding in front of them',
      edits: [
        edit(
          FLIGHT,
          '[BEGIN, binding, ...statements, COMMIT] : [binding, ...statements]',
          "[BEGIN, purpose === 'read' ? BEGIN : binding, ...statements, COMMIT] : [purpose === 'read' ? BEGIN : binding, ...statements]",
        ),
      ],
      tests: ['test/kernel/flight.test.ts'],
    },
    {
      name: 'transactions-unbound',
      breaks: 'transactions of Prisma’s are not bound',
      edits: [
        edit(CLIENT, 'await bindTransaction(tx, ', 'if (!context.tenantId) await bindTransaction(tx, '),
      ],
      tests: ['test/kernel/tenant-client.test.ts'],
    },
    {
      name: 'reads-of-all-requests-together',
      breaks: 'reads of several requests share a transaction, which is bound to the tenant of the first',
      edits: [
        edit(
          CLIENT,
          'const reads = new ReadBatch({',
          'const reads = ((parts as { shared?: ReadBatch }).shared ??= new ReadBatch({',
        ),
        edit(
          CLIENT,
          'within: (work) => inTransaction(context, true, work),\n      });',
          'within: (work) => inTransaction(context, true, work),\n      }));',
        ),
      ],
      tests: ['test/kernel/tenant-client.test.ts'],
    },
    {
      name: 'open-transaction-returned',
      breaks: 'a connection goes back to the pool with a transaction open, and bound',
      edits: [
        edit(
          FLIGHT,
          'if (isSound && isOpen) client.query',
          'if (isSound && !isSound && isOpen) client.query',
        ),
      ],
      tests: ['test/kernel/flight.test.ts', 'test/kernel/pool-safety.test.ts'],
    },
    {
      name: 'ended-transaction-takes-statements',
      breaks:
        'a statement that comes after the end of its transaction runs in whatever comes next on the connection',
      edits: [
        edit('src/tenancy/adapter.ts', '(ended ? refuse() : queryRaw(query))', 'queryRaw(query)'),
        edit('src/tenancy/adapter.ts', 'if (ended) return refuse();', ''),
      ],
      tests: ['test/kernel/pool-safety.test.ts'],
    },
    {
      name: 'root-client-handed-out',
      breaks: 'the bound client carries Prisma’s own, which is bound to nothing',
      edits: [
        edit(
          CLIENT,
          'new Surface(filter, context, runner), { transaction })',
          'new Surface(filter, context, runner), { transaction, root: parts.prisma })',
        ),
      ],
      tests: ['test/kernel/tenant-client.test.ts'],
    },
    {
      name: 'root-client-made-elsewhere',
      breaks: 'a module makes a Prisma client of its own',
      edits: [
        edit(
          'src/platform/tenant/tenant.resolvers.ts',
          'export const resolvers: Resolvers = {',
          "import { PrismaClient } from '../../generated/prisma/client.js';\nexport const root = new PrismaClient({} as never);\n\nexport const resolvers: Resolvers = {",
        ),
      ],
      lint: ['src/platform/tenant/tenant.resolvers.ts'],
    },
    {
      name: 'spliced-sql',
      breaks: 'a module splices text into SQL',
      edits: [
        edit(
          'src/platform/audit-log/audit-log.resolvers.ts',
          'export const resolvers: Resolvers = {',
          "import { Prisma } from '../../generated/prisma/client.js';\nexport const spliced = (tenantId: string) => Prisma.raw(`WHERE tenant_id = '${tenantId}'`);\n\nexport const resolvers: Resolvers = {",
        ),
      ],
      lint: ['src/platform/audit-log/audit-log.resolvers.ts'],
    },
  ],
};
