import type { DemoUsers } from './http/graphiql.js';
import { findMember } from './kernel/auth/find-member.js';
import { issueToken } from './kernel/auth/issue-token.js';
import type { Database } from './kernel/tenancy/database.js';
import { DEMO_USERS } from './services/operator/demo-seed.js';

const ONE_DAY_SECONDS = 86_400;

/** Makes tokens for the users of the demo that are there, for GraphiQL. Never in production. */
export const demoUsers =
  (database: Database, signing: Parameters<typeof issueToken>[1]): DemoUsers =>
  async () => {
    const users = await Promise.all(
      DEMO_USERS.map(async ({ slug, email }) => {
        const member = await findMember(database, slug, email).catch(() => undefined);
        return member ? [{ email, token: issueToken(member, signing, ONE_DAY_SECONDS) }] : [];
      }),
    );
    return users.flat();
  };
