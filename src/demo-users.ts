import type { DemoOperator, DemoUsers } from './http/demo-user.js';
import { findMember } from './kernel/auth/find-member.js';
import { issueOperatorToken, issueToken } from './kernel/auth/issue-token.js';
import type { Database } from './kernel/tenancy/database.js';
import { DEMO_USERS } from './services/operator/demo-seed.js';
import { OPERATOR_PERMISSIONS } from './services/operator/operator-context.js';

const ONE_DAY_SECONDS = 86_400;

/** Makes tokens for the users of the demo that are there, for GraphiQL and the dashboard. Never in production. */
export const demoUsers =
  (database: Database, signing: Parameters<typeof issueToken>[1]): DemoUsers =>
  async () => {
    // A user of one tenant may have become a member of another one.
    const tenants = [...new Set(DEMO_USERS.map(({ slug }) => slug))];
    const users = await Promise.all(
      DEMO_USERS.flatMap(({ email }) =>
        tenants.map(async (tenant) => {
          const member = await findMember(database, tenant, email).catch(() => undefined);
          return member ? [{ email, tenant, token: issueToken(member, signing, ONE_DAY_SECONDS) }] : [];
        }),
      ),
    );
    return users.flat();
  };

const DEMO_OPERATORS = [
  { name: 'operator@demo.test', scope: OPERATOR_PERMISSIONS.join(' ') },
  { name: 'support@demo.test', scope: 'tenants:read tenants:impersonate' },
  { name: 'reader@demo.test', scope: 'tenants:read' },
];

/** Makes tokens for operators of the demo, for their console. Never in production. */
export const demoOperators =
  (signing: Parameters<typeof issueOperatorToken>[1]) => (): Promise<readonly DemoOperator[]> =>
    Promise.resolve(
      DEMO_OPERATORS.map((operator) => ({
        ...operator,
        token: issueOperatorToken(operator, signing, ONE_DAY_SECONDS),
      })),
    );
