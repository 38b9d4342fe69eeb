/** What a conversion needs from the application. */
import type pg from 'pg';

/** One migration of the application. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** The script that undoes it and removes it from the history. Undefined for one that cannot be undone. */
  readonly down?: string | undefined;
}

/** The database, the migrations and the Prisma models of the application. */
export interface Project {
  /**
   * Runs `work` on a connection that acts as the owner of the tables, with search_path `public`, and closes it.
   *
   * @throws an error of the project when no connection can be made; errors of `work` are passed on
   */
  asOwner<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result>;
  /**
   * The folder of the migrations: each is a folder in it, with a migration.sql and, if it can be undone, a down.sql.
   */
  readonly migrationsFolder: string;
  /** Every migration, in the order in which they apply. */
  readMigrations(): Promise<readonly Migration[]>;
  /** A name for a new migration, which sorts after the existing ones. */
  nextMigrationName(existing: readonly Migration[], label: string): string;
  /** The names of the Prisma models, by their tables. */
  modelNames(): Promise<ReadonlyMap<string, string>>;
  /**
   * Undoes the applied ones of these migrations, newest first.
   *
   * @returns the names of the undone migrations
   * @throws an error of the project when one of them cannot be undone, or another migration came later
   */
  undo(names: readonly string[]): Promise<string[]>;
}
