/** The schemas of single tenants: their names, and for which migrations statements in them are written. */
import { readdirSync } from 'node:fs';
import { migrationsFolder, PRISMA_FOLDER } from '../migration/folder.js';

/** The form of their names. */
export const OWN_SCHEMA = /^tenant_[0-9a-f]{32}$/;

/** The name of the schema of a tenant, as `tenantry.schema_of` says it. */
export const schemaOf = (tenantId: string): string => `tenant_${tenantId.toLowerCase().replaceAll('-', '')}`;

let newest: string | undefined;

/** The newest migration of this version, for which its statements are written. */
export const newestMigration = (): string =>
  (newest ??= readdirSync(migrationsFolder(PRISMA_FOLDER), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .reduce((latest, name) => (name > latest ? name : latest), ''));
