/** Reads the plans of tenants from a file and checks them. docs/limits.md describes the file. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { tenantryCommand } from '../../kernel/config/command-line.js';
import { ConfigError } from '../../kernel/config/config-error.js';
import { DEFAULT_PAGE, LARGEST_PAGE } from '../../kernel/graphql/connection.js';
import { Plans, type Plan } from '../../kernel/vocabulary/plan.js';
import type { ProblemKind } from '../../kernel/vocabulary/problem-kind.js';
import { MOST_COST } from './cost.js';

/** The file that is used when PLANS_FILE is not set. */
export const DEFAULT_PLANS_FILE = fileURLToPath(new URL('plans.json', import.meta.url));

/** The problem of tenants whose plan is not in the file, for the log and the metrics. */
const UNKNOWN_PLAN: ProblemKind = {
  name: 'plan',
  reason: 'unknown',
  sentence:
    'tenants have a plan that PLANS_FILE does not have, so the first plan of the file limits them: add the plan, or move ' +
    `them with \`${tenantryCommand('tenant plan')}\``,
};

const HOUR_MS = 3_600_000;
const MOST = 1_000_000_000;

const count = (least = 1, most = MOST) => z.int().min(least).max(most);
const milliseconds = count(10, HOUR_MS);

const plan = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[a-z][a-z0-9_-]{0,62}$/,
        'must be 1 to 63 lower-case letters, digits, - and _, a letter first',
      ),
    weight: z.number().min(0.001).max(1_000_000),
    requests: z.strictObject({ tenant: count(), actor: count(), windowSeconds: count(1, 86_400) }),
    cost: z.strictObject({ size: count(), restoreRate: z.number().min(0.001).max(MOST) }),
    concurrentTransactions: count(1, 10_000),
    concurrentJobs: count(1, 10_000).optional(),
    statementTimeoutMs: milliseconds,
    transactionTimeoutMs: milliseconds,
    // A list without a page size has DEFAULT_PAGE rows.
    mostRowsPerPage: count(DEFAULT_PAGE, LARGEST_PAGE),
    mostCostPerRequest: count(1, MOST_COST),
    auditDays: count(1, 36_500).optional(),
    auditAfterErasure: z.enum(['erase', 'keep']).optional(),
    quotas: z.record(
      z.string().regex(/^[a-zA-Z][a-zA-Z0-9_]{0,62}$/, 'is not the name of a resource'),
      count(0),
    ),
  })
  .check(({ value, issues }) => {
    const { cost, mostCostPerRequest, statementTimeoutMs, transactionTimeoutMs } = value;
    const refuse = (path: string[], message: string) =>
      issues.push({ code: 'custom', input: value, path, message });
    // The bucket would never have enough points for the most costly request.
    if (cost.size < mostCostPerRequest) refuse(['cost', 'size'], 'must be at least mostCostPerRequest');
    if (transactionTimeoutMs < statementTimeoutMs)
      refuse(['transactionTimeoutMs'], 'must be at least statementTimeoutMs');
  });

const file = z.strictObject({ plans: z.array(plan).min(1) });

/**
 * The plans of a file.
 *
 * @param path default: the file that the server is shipped with
 * @throws ConfigError when the file cannot be read or is wrong: it names the file, the plan and the field
 */
export function readPlans(path: string = DEFAULT_PLANS_FILE): Plans {
  const content = contentOf(path);
  const parsed = file.safeParse(content);
  if (!parsed.success)
    throw new ConfigError(`PLANS_FILE ${path}: ${problemOf(parsed.error.issues[0]!, content)}.`);
  const { plans } = parsed.data;
  const twice = plans.find(({ name }, at) => plans.findIndex((other) => other.name === name) !== at);
  if (twice) throw new ConfigError(`PLANS_FILE ${path}: two plans have the name ${twice.name}.`);
  return new Plans(plans);
}

/** The plan that limits a tenant, by the name in its row. Reports a name that is not in the file. */
export const plansOfTenants =
  (plans: Plans, problems: { note(kind: ProblemKind, detail?: string): void }) =>
  (name: string): Plan => {
    if (!plans.has(name)) problems.note(UNKNOWN_PLAN, name);
    return plans.of(name);
  };

function contentOf(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`PLANS_FILE ${path} cannot be read: ${(error as Error).message}.`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ConfigError(`PLANS_FILE ${path} is not JSON: ${(error as Error).message}.`);
  }
}

/** `the plan pro: cost.size: Invalid input: expected number`. */
function problemOf({ path, message }: z.core.$ZodIssue, content: unknown): string {
  const [list, at, ...field] = path;
  const where: string[] = [];
  if (list === 'plans' && typeof at === 'number') where.push(`the plan ${nameOf(content, at)}`);
  const within = (where.length > 0 ? field : path).join('.');
  if (within !== '') where.push(within);
  return [...where, message].join(': ');
}

/** Its name in quotation marks; its number, from 1, when it has none. */
function nameOf(content: unknown, at: number): string {
  const { name } = ((content as { plans: unknown[] }).plans[at] ?? {}) as { readonly name?: unknown };
  return typeof name === 'string' ? JSON.stringify(name) : `number ${String(at + 1)}`;
}
