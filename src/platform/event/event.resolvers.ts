import type { Resolvers } from '../../generated/graphql.js';
import { Page } from '../../kernel/graphql/connection.js';
import { sortByInteger } from '../../kernel/graphql/sort-key.js';
import { badInput, PublicError } from '../../kernel/vocabulary/errors.js';
import { idOfEntity, nodeOfEntity } from '../audit-log/entity-id.js';
import { countEvents, eventsOf } from './event-rows.js';

const BY_POSITION = sortByInteger('position');

export const resolvers: Resolvers = {
  AuditEvent: {
    entityId: (event, _args, { recorded }) => idOfEntity(event, recorded),
    entityNode: (event, _args, context) => nodeOfEntity(event, context),
  },
  Query: {
    events: async (_parent, args, { db, auditTrail }) => {
      if (!auditTrail.isSealed) {
        throw new PublicError('UNAVAILABLE', 'This server does not seal the audit log.');
      }
      const page = new Page(args, { key: BY_POSITION, direction: 'asc' });
      const { rows, firstKept } = await eventsOf(db, page);
      if (page.after && BigInt(page.after.value) + 1n < firstKept) {
        throw badInput(
          'Events after this cursor are not kept any more. Read what you have missed elsewhere, and begin without a cursor.',
          'after',
        );
      }
      return page.connection(rows, () => countEvents(db));
    },
  },
};
