/** Mutants of plans, and of the rates of requests and cost. */
import { edit, type MutantGroup } from './mutant.js';

const RATES = 'src/services/rates/rates.ts';
const LOCAL = 'src/services/rates/local-ledger.ts';
const RESERVATION = 'src/services/rates/cost-reservation.ts';
const RATES_UNIT = 'test/kernel/rates.unit.test.ts';
const RATES_TEST = 'test/kernel/rate-limits.test.ts';
const SHARED_TEST = 'test/kernel/shared-rates.slow.test.ts';
const PLANS_TEST = 'test/kernel/plan-limits.test.ts';

export const rates: MutantGroup = {
  title: 'Plans and rates',
  mutants: [
    {
      name: 'refused-caller-uses-up-its-tenant',
      breaks: 'one key that runs away stops its whole tenant',
      edits: [
        edit(
          RATES,
          'if (ofActor.used > policies.actor.most) return this.#standing(policies, ofActor, undefined);',
          '',
        ),
      ],
      tests: [RATES_UNIT, RATES_TEST],
    },
    {
      name: 'budgets-of-all-tenants-are-one',
      breaks: 'a tenant uses up the requests of the others',
      edits: [edit(RATES, 'const tenantKey = `tenant:${tenantId}`;', "const tenantKey = 'tenant:';")],
      tests: [RATES_TEST],
    },
    {
      name: 'cost-given-back-twice',
      breaks: 'an operation that is settled twice makes its tenant’s budget larger',
      edits: [edit(RESERVATION, 'if (!this.#isSettled && unused > 0)', 'if (unused > 0)')],
      tests: [RATES_UNIT],
    },
    {
      name: 'cost-always-granted',
      breaks: 'an operation is executed whatever its tenant has left',
      edits: [
        edit(
          LOCAL,
          'const granted = level.available >= Math.min(counted, bucket.size);',
          'const granted = true;',
        ),
      ],
      tests: [RATES_UNIT, RATES_TEST],
    },
    {
      name: 'each-server-alone-has-everything',
      breaks: 'while Redis is away a tenant has as many budgets as there are servers',
      edits: [
        edit(
          'src/services/rates/open-rates.ts',
          'local.servers = servers;',
          'local.servers = Math.min(1, servers);',
        ),
      ],
      tests: [SHARED_TEST],
    },
    {
      name: 'forwarded-addresses-believed',
      breaks: 'a client chooses the address by which it is counted',
      edits: [
        edit(
          'src/http/client-address.ts',
          '(hop === 0 && direct === undefined) || isTrusted(address, hop);',
          'address !== direct || isTrusted(address, hop);',
        ),
      ],
      tests: ['test/kernel/client-address.unit.test.ts'],
    },
    {
      name: 'exhausted-address-looks-keys-up',
      breaks: 'an address that was refused goes on to make the server look up API keys',
      edits: [edit(RATES, 'if (refusal) throw refusal;', '')],
      tests: [RATES_UNIT, RATES_TEST],
    },
    {
      name: 'unknown-plan-is-the-largest',
      breaks: 'a tenant whose plan is not in the file has the largest one',
      edits: [
        edit(
          'src/kernel/vocabulary/plan.ts',
          'return this.#byName.get(name) ?? this.smallest;',
          'return this.#byName.get(name) ?? this.all.at(-1)!;',
        ),
      ],
      tests: ['test/kernel/plans-file.unit.test.ts', PLANS_TEST],
    },
    {
      name: 'pages-beyond-the-plan',
      breaks: 'a page may have more rows than the plan allows',
      edits: [edit('src/kernel/graphql/schema.ts', '  limitPages(schema);\n', '')],
      tests: [PLANS_TEST],
    },
    {
      name: 'statement-time-of-the-plan-ignored',
      breaks: 'a statement may take as long in the smallest plan as in the largest',
      edits: [
        edit(
          'src/kernel/driver/time-limits.ts',
          'const longest = plan?.statementTimeoutMs ?? byDefault;',
          'const longest = plan ? byDefault : byDefault;',
        ),
      ],
      tests: [PLANS_TEST],
    },
    {
      name: 'change-of-plan-not-announced',
      breaks: 'other servers go on with the limits of the former plan for half a minute',
      sql: `CREATE OR REPLACE TRIGGER announce_access AFTER UPDATE OF status, slug OR DELETE ON public.tenants
        FOR EACH ROW EXECUTE FUNCTION tenantry.announce_access()`,
      tests: [PLANS_TEST],
    },
  ],
};
