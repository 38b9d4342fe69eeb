/** The settings that a tenant's transaction makes on its connection, and those of an unbound connection. */
import { Prisma } from '../../src/generated/prisma/client.js';

/** Reads the settings that a tenant's transaction makes. None of them may remain after it. */
export const SETTINGS = Prisma.sql`
  SELECT nullif(current_setting('app.current_tenant', true), '') AS tenant,
         nullif(current_setting('app.current_actor', true), '') AS actor,
         nullif(current_setting('app.current_actor_type', true), '') AS "actorType",
         nullif(current_setting('app.current_request', true), '') AS request,
         current_setting('statement_timeout') AS timeout,
         current_setting('transaction_read_only') AS "readOnly",
         current_setting('transaction_isolation') AS isolation,
         pg_backend_pid() AS connection`;

export interface Settings {
  readonly tenant: string | null;
  readonly actor: string | null;
  readonly actorType: string | null;
  readonly request: string | null;
  readonly timeout: string;
  readonly readOnly: string;
  readonly isolation: string;
  readonly connection: number;
}

/** The settings of a connection before its first transaction. The timeout is the role's default. */
export const UNBOUND: Omit<Settings, 'connection'> = {
  tenant: null,
  actor: null,
  actorType: null,
  request: null,
  timeout: '30s',
  readOnly: 'off',
  isolation: 'read committed',
};
