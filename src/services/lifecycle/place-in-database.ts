/**
 * The place of a copy in the database of its tenant: in a schema of the tenant's own, or in the tables of all. `tenantry.schemas` says
 * on which side the tenant is, so the rows of the other side are the copy.
 */
import { tenantryCommand } from '../../kernel/config/command-line.js';
import { makeSchema } from '../../kernel/database/schemas/make-schema.js';
import { sqlState } from '../../kernel/vocabulary/sql-state.js';
import type { OperatorConnection } from '../operator/operator-connection.js';
import type { TenantRow } from '../operator/tenants.js';
import { LOCK_TIMEOUT, type CopyPlace } from './copy-and-leave.js';
import { CopyOutOfStep } from './copy-pass.js';
import { ownTables } from './placed-tables.js';

/** Where a tenant is within its database. */
export type Side = 'shared' | 'schema';

/** The copy of a tenant on the other side. */
export interface OwnCopy {
  /** Whether the tenant was moved: the copy is what it has left behind. */
  readonly isLeft: boolean;
  readonly through: string | null;
  /** Whether it has all migrations. A copy in the tables of all always has. */
  readonly isCurrent: boolean;
}

export interface OwnPlacement {
  readonly side: Side;
  readonly copy: OwnCopy | undefined;
}

/** Where a tenant is within its database, and what the other side has of it. */
export async function ownPlacement({ query }: OperatorConnection, tenantId: string): Promise<OwnPlacement> {
  const [row] = await query<{ side: Side; copy: OwnCopy | null }>(
    `SELECT CASE WHEN EXISTS (SELECT FROM tenantry.schemas WHERE subject = $1) THEN 'schema' ELSE 'shared' END AS side, (
       SELECT json_build_object(
         'isLeft', moved_at IS NOT NULL, 'through', through::text,
         'isCurrent', migration IS NULL OR migration = (
           SELECT max(migration_name COLLATE "C") FROM public._prisma_migrations
           WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL
         )
       ) FROM tenantry.schema_moves WHERE subject = $1
     ) AS copy`,
    [tenantId],
  );
  return { side: row!.side, copy: row!.copy ?? undefined };
}

export interface OwnMove {
  readonly source: OperatorConnection;
  /** Another connection to the same database. */
  readonly target: OperatorConnection;
  readonly tenant: TenantRow;
  readonly to: Side;
  /** The URL of the owner of the objects, who alone makes schemas. @throws ConfigError when it is not configured */
  readonly ownerUrl: () => Promise<string>;
}

/** The place of this copy. */
export function placeInDatabase({ source, target, tenant, to, ownerUrl }: OwnMove): CopyPlace {
  const erase = () => eraseOwnCopy(target, tenant);
  const make = async (): Promise<null> => {
    if (to === 'schema') await makeSchema(await ownerUrl(), tenant.id, true);
    else await signed(target, 'begin_copy', tenant.id);
    return null;
  };
  return {
    open: async () => {
      const { copy } = await ownPlacement(target, tenant.id);
      if (!copy) return make();
      if (copy.isCurrent) return copy.through;
      await erase();
      return make();
    },
    tables: () => ownTables(source, tenant.id, to === 'schema'),
    erase,
    leave: async () => {
      try {
        await signed(source, 'switch_placement', tenant.id);
        return true;
      } catch (error) {
        if (sqlState(error) === LOCK_TIMEOUT) return false;
        if (sqlState(error) !== LACKS_MIGRATIONS) throw error;
        throw new CopyOutOfStep(
          `The schema of the tenant lacks migrations: run \`${tenantryCommand('migrate')}\`.`,
          {
            cause: error,
          },
        );
      }
    },
  };
}

const LACKS_MIGRATIONS = '55000';

/** Erases the rows of the side on which the tenant is not, all or nothing; of a schema also the schema. */
export async function eraseOwnCopy(connection: OperatorConnection, tenant: TenantRow): Promise<void> {
  const { side } = await ownPlacement(connection, tenant.id);
  if (side === 'shared') {
    await signed(connection, 'end_copy', tenant.id);
    return;
  }
  const groups = await ownTables(connection, tenant.id, false);
  await connection.inTransaction(async (query) => {
    const { expires, signature } = connection.sign(
      'open_arrival',
      tenant.id.toLowerCase(),
      connection.operator,
    );
    await query('SELECT tenantry.open_arrival($1, $2, $3, $4)', [
      tenant.id,
      connection.operator,
      expires,
      signature,
    ]);
    for (const group of [...groups].reverse()) {
      if (group.length === 0) continue;
      await query('SELECT tenantry.remove_arrived($1, $2)', [
        group.map(({ there }) => there.oid),
        JSON.stringify(group.map(() => null)),
      ]);
    }
    // Triggers that wait for the commit would not know any more that this was a copy.
    await query('SET CONSTRAINTS ALL IMMEDIATE');
    await signed({ query, sign: connection.sign }, 'end_copy', tenant.id);
  });
}

/** Ends the fence after the tenant has changed its side. */
export const settle = (connection: OperatorConnection, tenantId: string): Promise<void> =>
  signed(connection, 'settle_move', tenantId);

async function signed(
  { query, sign }: Pick<OperatorConnection, 'query' | 'sign'>,
  name: 'begin_copy' | 'end_copy' | 'switch_placement' | 'settle_move',
  tenantId: string,
): Promise<void> {
  const { expires, signature } = sign(name, tenantId.toLowerCase());
  await query(`SELECT tenantry.${name}($1, $2, $3)`, [tenantId, expires, signature]);
}
