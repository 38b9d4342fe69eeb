import type { Project } from '@tenantry/tenantize';
import {
  migrationsFolder,
  nextMigrationName,
  PRISMA_FOLDER,
  readMigrations,
  readSchema,
} from '../kernel/database/migration/folder.js';
import { modelNames } from '../kernel/database/migration/models.js';
import { undoMigrations } from '../kernel/database/migration/migrations.js';
import { actingAsOwner, withClient } from '../kernel/database/owner-connection.js';

/**
 * This server's database, migrations and Prisma models, in the form that the package tenantize needs. Its methods throw
 * MigrationError.
 */
export const tenantizeProject = (ownerUrl: string, prismaFolder = PRISMA_FOLDER): Project => ({
  asOwner: (work) => withClient(actingAsOwner(ownerUrl), work),
  migrationsFolder: migrationsFolder(prismaFolder),
  readMigrations: () => readMigrations(prismaFolder),
  nextMigrationName: (existing, label) => nextMigrationName(existing, label, new Date()),
  modelNames: async () => modelNames(await readSchema(prismaFolder)),
  undo: (names) => undoMigrations(ownerUrl, names, prismaFolder),
});
