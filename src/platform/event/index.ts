import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { eventsById } from './event-rows.js';
import { resolvers } from './event.resolvers.js';

/** The events of the audit log in the order of sealing, for programs that follow them: docs/events.md. */
export const eventModule = defineModule({
  name: 'event',
  typeDefs: readSchema(import.meta.url, 'event.graphql'),
  resolvers,
  permissions: { 'events:read': ['owner', 'admin'] },
  nodes: { AuditEvent: (ids, { db }) => eventsById(db, ids) },
});
