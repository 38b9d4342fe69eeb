/** Mutants of the limits of connections: per tenant, per caller, and one per request. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const EARLY = 'test/kernel/early-refusals.test.ts';
const GATE = 'src/kernel/pool/fair-gate.ts';
const SCHEDULE = 'src/kernel/fair-share/fair-schedule.ts';
const SHARE = 'test/kernel/pool-share.slow.test.ts';
const FAIR_GATE = 'test/kernel/fair-gate.unit.test.ts';
const FAIR_SCHEDULE = 'test/kernel/fair-schedule.unit.test.ts';
const DOOR = 'test/kernel/lookup-limit.slow.test.ts';
const ACCEPTANCE = 'test/platform/keyed-acceptance.test.ts';

export const pool: MutantGroup = {
  title: 'The pool',
  mutants: [
    {
      name: 'tenant-cap-ignored',
      breaks: 'one tenant may hold every connection of the pool',
      edits: [
        edit(GATE, 'most: Math.min(this.perTenant, plan', 'most: Math.max(1_000, this.perTenant, plan'),
      ],
      tests: [SHARE],
    },
    {
      name: 'caller-cap-ignored',
      breaks: 'one caller may hold every connection of their tenant’s share',
      edits: [edit(GATE, 'if (callers && !callers.enter(actor.id)) return', 'if (!actor.id) return')],
      tests: [SHARE],
    },
    {
      name: 'cap-of-plan-ignored',
      breaks: 'a tenant may hold as many connections as on a larger plan',
      edits: [edit(GATE, 'plan?.concurrentTransactions ?? this.perTenant', 'this.perTenant')],
      tests: [FAIR_GATE],
    },
    {
      name: 'weight-ignored',
      breaks: 'tenants of small and large plans get equal shares of the pool',
      edits: [edit(GATE, 'weight: plan?.weight ?? 1', 'weight: 1')],
      tests: [FAIR_GATE],
    },
    {
      name: 'charge-left-out',
      breaks: 'slow transactions cost a tenant no more of its share than quick ones',
      edits: [
        edit(
          SCHEDULE,
          'if (difference > 0 || lifts === lane.lifts) this.#charge(lane, weight, difference);',
          'this.#charge(lane, weight, difference - difference);',
        ),
      ],
      tests: [FAIR_SCHEDULE],
    },
    {
      name: 'debt-without-limit',
      breaks: 'a tenant whose transactions last longer than those of others gets as many of them',
      edits: [
        edit(SCHEDULE, 'const most = this.#tolerance / weight;', 'const most = weight > 0 ? Infinity : 0;'),
      ],
      tests: [FAIR_GATE],
    },
    {
      name: 'unused-share-saved-up',
      breaks: 'a tenant that had no work for a while may then keep the others waiting as long',
      edits: [
        edit(SCHEDULE, '    if (lane.waiting.size === 0) lift(lane, lane.of.latest);\n', ''),
        edit(SCHEDULE, '        lift(lane, lane.of.time);\n        lane.turn', '        lane.turn'),
      ],
      tests: [FAIR_SCHEDULE],
    },
    {
      name: 'slot-not-given-back',
      breaks: 'a transaction that waited for a connection keeps its slot for ever',
      edits: [
        edit(
          GATE,
          '        return releaseOf(leave, callers, actor);',
          '        leave.toString();\n        return () => callers?.leave(actor.id);',
        ),
      ],
      tests: [FAIR_GATE],
    },
    {
      name: 'background-before-interactive',
      breaks: 'jobs take the connections that people wait for',
      edits: [edit(SCHEDULE, 'const INTERACTIVE_RUN = 9;', 'const INTERACTIVE_RUN = 0;')],
      tests: [FAIR_GATE],
    },
    {
      name: 'revoked-in-the-queue',
      breaks: 'whoever loses access while a transaction waits for a connection is served all the same',
      edits: [edit(GATE, 'if (isRefusal(error)) ending.end(error);', 'void isRefusal(error);')],
      tests: [FAIR_GATE],
    },
    {
      name: 'early-refusal-of-others',
      breaks:
        'who was refused a moment ago has others of the same host refused without a look at their credential',
      edits: [
        edit(
          'src/http/early-refusals.ts',
          '`${host} ${authorization}`',
          '`${host} ${authorization.slice(0, 6)}`',
        ),
      ],
      tests: [EARLY],
    },
    {
      name: 'early-refusal-without-a-reason',
      breaks: 'who was refused a moment ago is refused although the server can serve them',
      edits: [
        edit(
          'src/http/early-refusals.ts',
          'if (!refusal) return false;',
          'if (!refusal) {\n      response.writeHead(429).end();\n      return true;\n    }',
        ),
      ],
      tests: [EARLY],
    },
    {
      name: 'standing-queue-ignored',
      breaks: 'work is spent on requests that can only wait',
      edits: [
        edit(
          'src/http/shedding.ts',
          'const refusal = shedding.refusalOf(viewer);',
          "const refusal = viewer.tenantId === '' ? shedding.refusalOf(viewer) : undefined;",
        ),
      ],
      tests: ['test/kernel/gate.slow.test.ts'],
    },
    {
      name: 'standing-queue-ignored-over-websocket',
      breaks: 'work is spent on operations over WebSocket that can only wait',
      edits: [
        edit(
          'src/http/websocket-protocol.ts',
          'const overload = refused ? undefined : overloaded(socket, messageBytes);',
          'const overload = refused ? overloaded(socket, messageBytes) : undefined;',
        ),
      ],
      tests: ['test/kernel/gate.slow.test.ts'],
    },
    {
      name: 'no-turns-over-websocket',
      breaks: 'operations over WebSocket begin before the requests of other tenants that wait for their turn',
      edits: [
        edit(
          'src/http/websocket.ts',
          'begin: (viewer) => new Promise((begin) => shedding.take(viewer, begin)),',
          '',
        ),
      ],
      tests: ['test/kernel/gate.slow.test.ts'],
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
