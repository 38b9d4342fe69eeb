import { z } from 'zod';
import type { Resolvers } from '../../generated/graphql.js';
import { Prisma } from '../../generated/prisma/client.js';
import { optional, parseInput, text } from '../../kernel/graphql/input.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import { PublicError, badInput, notFound } from '../../kernel/vocabulary/errors.js';
import { ownTenant } from '../tenant/own-tenant.js';
import { erasePerson } from './erase-person.js';

/** How long ago a user may have signed in who asks for the erasure. */
const FRESH_MS = 5 * 60_000;
const NO_CONTROL = /^[^\p{Cc}]*$/u;
const DAY_SECONDS = 86_400;

const person = z
  .object({
    userId: optional(text(1, 255).regex(NO_CONTROL, 'must not have control characters')),
    email: optional(text(3, 320).regex(/^[^@\s]+@[^@\s]+$/, 'must be an address')),
    confirm: z.literal('erase this person'),
    reason: text(1, 500).regex(NO_CONTROL, 'must be one line').regex(/\S/, 'must not be blank'),
  })
  .refine(
    ({ userId, email }) => userId !== undefined || email !== undefined,
    'must name a user or an address',
  );

interface Erasure {
  readonly requestedAt: Date;
  readonly requestedBy: string;
  readonly executeAt: Date;
}

export const resolvers: Resolvers = {
  Query: {
    tenantErasure: (_parent, _args, context) => erasureOf(context),
  },
  Mutation: {
    requestTenantErasure: async (_parent, { input: { confirm } }, context) => {
      const { db, viewer, tenantErasure } = context;
      refuseStale(viewer.signedInAt);
      if (confirm !== `erase ${(await ownTenant(context)).slug}`) {
        throw badInput(
          'input.confirm must be `erase`, a space and the slug of this tenant.',
          'input.confirm',
        );
      }
      await tenantErasure.request(db, tenantErasure.waitDays * DAY_SECONDS);
      return { erasure: await erasureOf(context) };
    },
    cancelTenantErasure: async (_parent, { input: { slug } }, context) => {
      await refuseOther(context, slug);
      return context.db.transaction(async (tx) => {
        const [done] = await tx.$queryRaw<{ cancelled: boolean }>(
          Prisma.sql`SELECT tenantry.cancel_erasure() AS cancelled`,
        );
        if (!done?.cancelled) throw notFound();
        const { status } = await tx.tenant.findUniqueOrThrow({ where: { id: tx.context.tenantId } });
        return { active: status === 'active' };
      });
    },
    erasePerson: (_parent, { input }, context) => erasePerson(context, parseInput(person, input)),
  },
};

async function erasureOf({ db }: RequestContext): Promise<Erasure | null> {
  const [erasure] = await db.$queryRaw<Erasure>(Prisma.sql`
    SELECT requested_at AS "requestedAt", actor AS "requestedBy", execute_at AS "executeAt"
    FROM tenantry.erasures WHERE subject = ${db.context.tenantId}::uuid`);
  return erasure ?? null;
}

/** @throws FORBIDDEN unless the user has signed in a moment ago */
function refuseStale(signedInAt: number | undefined, now = Date.now()): void {
  if (signedInAt !== undefined && Math.abs(now - signedInAt) <= FRESH_MS) return;
  throw new PublicError('FORBIDDEN', 'Sign in again: this needs a token of the last five minutes.', {
    requires: 'fresh-token',
  });
}

async function refuseOther(context: RequestContext, slug: string): Promise<void> {
  const tenant = await ownTenant(context);
  if (tenant.slug !== slug) throw badInput('input.slug must be the slug of this tenant.', 'input.slug');
}
