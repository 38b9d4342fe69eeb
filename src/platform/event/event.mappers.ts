/** The TypeScript types of types in this module's schema: see codegen.ts. */
import type { Connection } from '../../kernel/graphql/connection.js';
import type { EventRow } from './event-rows.js';

export type AuditEventMapper = EventRow;
export type AuditEventConnectionMapper = Connection<EventRow>;
