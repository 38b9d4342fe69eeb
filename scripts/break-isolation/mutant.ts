/** What a mutant is: one way in which the isolation of tenants can be broken, and who has to notice it. */
import { escapeLiteral } from 'pg';

/** Replaces text in a file. The text must be there exactly once, or the mutant has fallen behind the code. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** One defect, made by edits of files, by SQL, or by both. */
export interface Mutant {
  /** Kebab case; unique. */
  readonly name: string;
  /** What no longer holds, for the table in the documentation. */
  readonly breaks: string;
  readonly edits?: readonly Edit[];
  /** Run on the migrated database, as the owner of its objects. */
  readonly sql?: string;
  /** The same as a superuser: roles are no business of the owner's. */
  readonly superuserSql?: string;
  /** Takes back what of that is the whole server's. */
  readonly undoSql?: string;
  /** The test files that are expected to notice. */
  readonly tests?: readonly string[];
  /** The rules of the audit that have to notice as well. */
  readonly audit?: readonly string[];
  /** The files in which ESLint is expected to notice. */
  readonly lint?: readonly string[];
}

/** A chapter of the table. */
export interface MutantGroup {
  readonly title: string;
  readonly mutants: readonly Mutant[];
}

/** An edit of one file. */
export const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

/**
 * SQL that replaces text in the definition of a function of the kernel, as it is after all migrations. It fails when no
 * function of that name has the text. `name` may be several: `bind|open_context`.
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

/** The statements that break a database; undefined when the mutant leaves the database alone. */
export function breakingSql({ sql, superuserSql }: Mutant): string | undefined {
  if (superuserSql !== undefined) return superuserSql;
  return sql === undefined ? undefined : `SET LOCAL ROLE tenantry_owner; ${sql}; RESET ROLE`;
}
