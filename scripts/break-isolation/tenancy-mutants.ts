/** Mutants of `src/kernel/tenancy`: the application's filter, and the binding of its statements. */
import { edit, type MutantGroup } from './mutant.js';

const FILTER = 'src/kernel/tenancy/tenant-filter.ts';
const FLIGHT = 'src/kernel/driver/statement-batch.ts';
const BINDER = 'src/kernel/tenancy/tenant-binder.ts';
const ENDING = 'packages/prisma-tenancy/src/ending-transactions.ts';
const CLIENTS = 'src/kernel/tenancy/tenant-clients.ts';
const NARROWED = 'return { ...args, where: this.narrow(';
const LAYERS = 'test/kernel/isolation-layers.test.ts';

/** An edit that skips the filter for operations whose names begin with one of these. */
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
      name: 'shared-rows-lead-to-tenants',
      breaks: 'a relation of a shared model is read without the tenant',
      edits: [edit(FILTER, '    if (this.hasShared) this.refuseFromShared(model, args);\n', '')],
      tests: ['test/kernel/data-model.test.ts'],
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
      name: 'undefined-demands-nothing',
      breaks:
        'a part of a condition that is undefined demands nothing: AND of it finds all rows of the tenant',
      edits: [
        edit(
          'src/kernel/tenancy/plain-statement.ts',
          'if (!isListOf(parts, isRecord)) return undefined;',
          '',
        ),
      ],
      tests: ['test/kernel/plain-statement-cases.test.ts'],
    },
    {
      name: 'condition-of-any-shape',
      breaks: 'a list or a map as the condition finds, or deletes, all rows of the tenant',
      edits: [
        edit(
          'src/kernel/tenancy/tenant-filter.ts',
          'if (!isPlain(where)) throw',
          "if (typeof where !== 'object') throw",
        ),
      ],
      tests: ['test/kernel/plain-statement-cases.test.ts'],
    },
    {
      name: 'plain-statements-unfiltered',
      breaks: 'the condition on the tenant is lost where a statement is made without Prisma',
      edits: [
        edit(
          'src/kernel/tenancy/plain-statement.ts',
          'for (const key in where) {',
          'for (const key in where) {\n      if (key === this.model.tenantField) continue;',
        ),
      ],
      tests: ['test/kernel/statement-batch.slow.test.ts'],
    },
  ],
};

export const binding: MutantGroup = {
  title: 'Binding',
  mutants: [
    {
      name: 'reads-unbound',
      breaks: 'reads sendBatch without the binding in front of them',
      edits: [
        edit(
          FLIGHT,
          '? [OPENINGS[purpose], binding, ...placed, COMMIT]\n      : [binding, ...placed]',
          "? [OPENINGS[purpose], purpose === 'read' ? OPENINGS.write : binding, ...placed, COMMIT]\n      : [purpose === 'read' ? OPENINGS.write : binding, ...placed]",
        ),
      ],
      tests: ['test/kernel/statement-batch.slow.test.ts'],
    },
    {
      name: 'transactions-unbound',
      breaks: 'transactions of Prisma’s are not bound',
      edits: [
        edit(
          'packages/prisma-tenancy/src/bound-transactions.ts',
          'const touched = await tx.$executeRaw(this.#binding(context, { readOnly }));',
          'const touched = 0;',
        ),
        edit(
          BINDER,
          'const client = clientOfBinding(touched);',
          'if (touched === 0) return;\n        const client = clientOfBinding(touched);',
        ),
      ],
      tests: ['test/kernel/tenant-client.test.ts'],
    },
    {
      name: 'reads-of-all-requests-together',
      breaks: 'reads of several requests share a transaction, which is bound to the tenant of the first',
      edits: [
        edit(
          CLIENTS,
          'const reads = new ReadBatch(',
          'const reads = ((this as { shared?: ReadBatch<TenantOperation> }).shared ??= new ReadBatch(',
        ),
        edit(CLIENTS, 'run(context, work, READ_ONLY)),\n    );', 'run(context, work, READ_ONLY)),\n    ));'),
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
      tests: ['test/kernel/statement-batch.slow.test.ts', 'test/kernel/pool-safety.slow.test.ts'],
    },
    {
      name: 'ended-transaction-takes-statements',
      breaks:
        'a statement that comes after the end of its transaction runs in whatever comes next on the connection',
      edits: [
        edit(ENDING, '(ended ? refuse() : queryRaw(query))', 'queryRaw(query)'),
        edit(ENDING, 'if (ended) return refuse();', ''),
      ],
      tests: ['test/kernel/pool-remains.test.ts'],
    },
    {
      name: 'root-client-handed-out',
      breaks: 'the bound client carries Prisma’s own, which is bound to nothing',
      edits: [
        edit(
          BINDER,
          'extended.$forTenant(context),',
          'Object.assign(extended.$forTenant(context), { root: parts.prisma }),',
        ),
      ],
      tests: ['test/kernel/tenant-client-limits.test.ts'],
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

const CHECKOUT = 'src/kernel/driver/checkout.ts';
const PIPELINE = 'src/kernel/driver/pipelining-client.ts';
const DEADLINES = 'test/kernel/deadline.slow.test.ts';
const FAULTS = 'test/example/faults.slow.test.ts';
const TIMERS = 'test/kernel/deadline-timers.unit.test.ts';

export const deadlines: MutantGroup = {
  title: 'Deadlines and lost connections',
  mutants: [
    {
      name: 'cancel-not-sent',
      breaks: 'what a request left running at its deadline is not cancelled in PostgreSQL',
      edits: [edit(PIPELINE, 'await requestCancel(this, CANCEL_REQUEST_MS);', '')],
      tests: [DEADLINES],
    },
    {
      name: 'batches-not-watched',
      breaks: 'the deadline does not concern statements that are sent without Prisma',
      edits: [edit(CHECKOUT, '.whenOver(() => void client.cancelWork())', '.whenOver(() => undefined)')],
      tests: [DEADLINES],
    },
    {
      name: 'transactions-not-watched',
      breaks: 'the deadline does not concern the transactions of Prisma',
      edits: [
        edit(BINDER, 'ends.whenOver(() => void client.cancelWork())', 'ends.whenOver(() => undefined)'),
      ],
      tests: [DEADLINES],
    },
    {
      name: 'repeated-after-deadline',
      breaks: 'reads that a failure has passed over are run again after the deadline, without one',
      edits: [
        edit(
          'src/kernel/tenancy/tenant-reads.ts',
          'if (deadline?.isOver) return deadline.error;',
          'if (deadline === null) return undefined;',
        ),
        edit(CHECKOUT, '    deadline?.throwIfOver();\n', ''),
        edit(CHECKOUT, 'if (deadline?.isOver) {', 'if (deadline === null) {'),
        edit(CHECKOUT, '(deadline ?? Deadline', '(deadline?.isOver === false ? deadline : Deadline'),
      ],
      tests: [DEADLINES],
    },
    {
      name: 'committed-after-deadline',
      breaks: 'a transaction whose code goes on after the deadline is committed',
      edits: [
        edit(BINDER, 'ending: () => deadline?.throwIfOver(),', 'ending: () => undefined,'),
        edit('src/kernel/driver/time-limits.ts', '  context.deadline?.throwIfOver();\n  try', '  try'),
      ],
      tests: [DEADLINES],
    },
    {
      name: 'deaf-to-clients-that-go',
      breaks: 'a request goes on when its client has gone',
      edits: [edit('src/http/deadline.ts', 'deadline.cancel();', 'deadline.remaining;')],
      tests: [DEADLINES],
    },
    {
      name: 'waits-for-clients-that-have-gone',
      breaks: 'a request whose client went while its access was looked up stays in memory for good',
      edits: [
        edit('src/http/when-closed.ts', 'if (answer.closed) listener();', 'if (answer.closed) return;'),
      ],
      tests: ['test/kernel/gone-clients.test.ts'],
    },
    {
      name: 'timer-outlives-answer',
      breaks: 'a request stays in memory until its deadline when its signal was used',
      edits: [edit('src/kernel/request/deadline.ts', '    this.#forgetSignal?.();\n', '')],
      tests: [TIMERS],
    },
    {
      name: 'timer-outlives-wait',
      breaks: 'a request that has waited for a connection stays in memory until its deadline',
      edits: [edit('src/kernel/pool/fair-gate.ts', '      stop?.();\n', '      void stop;\n')],
      tests: [TIMERS],
    },
    {
      name: 'connection-without-listener',
      breaks: 'a connection that is lost ends the process',
      edits: [edit(PIPELINE, "    this.on('error', () => undefined);\n", '')],
      tests: [FAULTS],
    },
    {
      name: 'stale-plans-kept',
      breaks: 'statements whose plan has become stale stay prepared',
      edits: [edit('src/kernel/driver/stale-plans.ts', '  generation++;', '  void generation;')],
      tests: ['test/kernel/stale-plans.slow.test.ts'],
    },
  ],
};
