/** What a conversion needs of the application whose tables it converts, and that only the application knows. */
import type pg from 'pg';

/** One migration of the application. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** Undoes it, and says so in the history. Undefined for one that cannot be undone. */
  readonly down?: string | undefined;
}

/** The database, the migrations and the Prisma models of a Tenantry. */
export interface Project {
  /**
   * Runs `work` on a connection that acts as the owner of the tables, with search_path `public`, and closes it.
   *
   * @throws what `work` throws, and an error of the project when there is no connection to be had
   */
  asOwner<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result>;
  /** The folder of the migrations: each is a folder in it, with a migration.sql and, where it can be undone, a down.sql. */
  readonly migrationsFolder: string;
  /** Every migration, in the order in which they apply. */
  readMigrations(): Promise<readonly Migration[]>;
  /** A name for one more migration that sorts after the existing ones. */
  nextMigrationName(existing: readonly Migration[], label: string): string;
  /** The names of the Prisma models, by their tables. */
  modelNames(): Promise<ReadonlyMap<string, string>>;
  /**
   * Undoes these migrations, newest first, those of them that were applied.
   *
   * @returns the names of what was undone
   * @throws an error of the project when one of them cannot be undone, or another migration came later
   */
  undo(names: readonly string[]): Promise<string[]>;
}
