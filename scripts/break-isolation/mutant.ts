/**
 * The type of mutants. A mutant breaks the isolation of tenants in one way, and names the tests and rules that must
 * notice.
 */
import { escapeLiteral } from 'pg';

/** Replaces text in a file. The text must occur exactly once; otherwise the mutant no longer fits the code. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** One defect, made by edits of files, by SQL, or both. */
export interface Mutant {
  /** Kebab case; unique. */
  readonly name: string;
  /** The broken guarantee, for the table in the documentation. */
  readonly breaks: string;
  readonly edits?: readonly Edit[];
  /** SQL that runs on the migrated database as the owner of its objects. */
  readonly sql?: string;
  /** SQL that runs as a superuser instead, because the owner may not change roles. */
  readonly superuserSql?: string;
  /** Reverts its changes that affect the whole database server. */
  readonly undoSql?: string;
  /** The test files that are expected to notice. */
  readonly tests?: readonly string[];
  /** The rules of the audit that must also notice. */
  readonly audit?: readonly string[];
  /** The files in which ESLint is expected to notice. */
  readonly lint?: readonly string[];
}

/** A section of the table. */
export interface MutantGroup {
  readonly title: string;
  readonly mutants: readonly Mutant[];
}

/** An edit of one file. */
export const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

/**
 * SQL that replaces text in the definition of a kernel function after all migrations. It fails when no function of that
 * name contains the text. `name` may be several names: `bind|open_context`.
 */
export const inFunction = (name: string, find: string, replace: string): string => `
  DO $mutant$
  DECLARE
    definition text;
    found boolean := false;
  BEGIN
    FOR definition IN
      SELECT pg_get_functiondef(oid) FROM pg_proc
      WHERE pronamespace = 'tenantry'::regnamespace AND proname ~ ${escapeLiteral(`^(${name})$`)}
    LOOP
      IF strpos(definition, ${escapeLiteral(find)}) > 0 THEN
        EXECUTE replace(definition, ${escapeLiteral(find)}, ${escapeLiteral(replace)});
        found := true;
      END IF;
    END LOOP;
    IF NOT found THEN
      RAISE EXCEPTION 'tenantry.% does not have the text that is to be replaced', ${escapeLiteral(name)};
    END IF;
  END
  $mutant$`;

/** The statements that break a database; undefined when the mutant does not change the database. */
export function breakingSql({ sql, superuserSql }: Mutant): string | undefined {
  if (superuserSql !== undefined) return superuserSql;
  return sql === undefined ? undefined : `SET LOCAL ROLE tenantry_owner; ${sql}; RESET ROLE`;
}
