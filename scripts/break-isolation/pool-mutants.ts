/** Mutants of the limits of connections: per tenant, per caller, and one per request. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const ADMISSION = 'src/kernel/pool/admission.ts';
const SHARE = 'test/kernel/pool-share.test.ts';
const DOOR = 'test/kernel/lookup-limit.test.ts';
const ACCEPTANCE = 'test/platform/keyed-acceptance.test.ts';

export const pool: MutantGroup = {
  title: 'The pool',
  mutants: [
    {
      name: 'tenant-cap-ignored',
      breaks: 'one tenant may hold every connection of the pool',
      edits: [edit(ADMISSION, 'if (!this.#tenants.enter(tenantId)) return', 'if (!tenantId) return')],
      tests: [SHARE],
    },
    {
      name: 'caller-cap-ignored',
      breaks: 'one caller may hold every connection of their tenant’s share',
      edits: [edit(ADMISSION, 'if (callers && !callers.enter(actor.id)) return', 'if (!actor.id) return')],
      tests: [SHARE],
    },
    {
      name: 'prisma-not-admitted',
      breaks: 'transactions of Prisma’s take connections beyond the tenant’s share',
      edits: [
        edit(
          'src/kernel/tenancy/tenant-binder.ts',
          'admitted(parts.admission, context, () =>',
          '((go: () => Promise<Result>) => go())(() =>',
        ),
      ],
      tests: [SHARE],
    },
    {
      name: 'second-connection-allowed',
      breaks: 'code inside a transaction may take a second connection',
      edits: [
        edit('src/kernel/driver/open-transaction.ts', 'if (!openTransactions.isInside) return;', 'return;'),
      ],
      tests: ['test/kernel/second-connection.test.ts'],
    },
    {
      name: 'keyed-acceptance-on-its-own-connection',
      breaks: 'an invitation accepted with an idempotency key is a transaction of its own',
      edits: [
        edit('src/services/idempotency/execute-once.ts', '({ db, unit: db })', '({ db })'),
        edit('src/kernel/driver/open-transaction.ts', 'if (!openTransactions.isInside) return;', 'return;'),
      ],
      tests: [ACCEPTANCE],
    },
    {
      name: 'acceptance-stays-bound',
      breaks: 'a transaction that accepts an invitation stays bound to the tenant of the invitation',
      sql: inFunction('accept_invitation', 'EXECUTE bound_again', 'PERFORM bound_again'),
      tests: [ACCEPTANCE],
    },
    {
      name: 'acceptance-for-another-user',
      breaks: 'a transaction that acts for one user may accept an invitation for another',
      sql: inFunction('accept_invitation', "acting.actor_type = 'user' AND acting.actor = invitee", 'true'),
      tests: [ACCEPTANCE],
    },
    {
      name: 'door-wide-open',
      breaks: 'unknown API keys take connections without limit',
      edits: [
        edit(
          'src/kernel/pool/lookup-limit.ts',
          "if (purpose === 'api-key') await pass(",
          "if (purpose === 'api-key') return release;\n      if (!purpose) await pass(",
        ),
      ],
      tests: [DOOR],
    },
    {
      name: 'absence-kept-in-spite-of-news',
      breaks: 'an API key that is unknown stays unknown when there is news of it',
      edits: [edit('src/kernel/auth/access-cache.ts', 'this.#absent?.clear();', '')],
      tests: [DOOR],
    },
    {
      name: 'old-answers-joined',
      breaks: 'while changes are not heard of, an answer serves who asks after a change',
      edits: [
        edit(
          'src/kernel/auth/access-cache.ts',
          'return heard && this.invalidations.isLive && this.#changes === changes;',
          'return true;',
        ),
      ],
      tests: ['test/kernel/access-resolver.unit.test.ts'],
    },
    {
      name: 'readiness-in-the-pool',
      breaks: 'the probe of readiness waits for a connection behind tenants',
      edits: [
        edit(
          'src/create-services.ts',
          'readiness = createReadiness({ url: databaseUrl });',
          "readiness = { check: async () => void (await database.query('SELECT 1')), close: async () => undefined };",
        ),
      ],
      tests: [DOOR],
    },
  ],
};
