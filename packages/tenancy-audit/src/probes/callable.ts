/** The functions that a probe may call as the application's role, and the reasons for skipping others. */
import type { NotChecked } from '../finding.js';
import { FOREIGN_ROWS_FROM_FUNCTION } from './rules.js';
import type { Ask } from './session.js';

/** A callable function, not of an extension. */
export interface CallableFunction {
  readonly schema: string;
  /** `schema.name(argument types)`. */
  readonly signature: string;
  /** `schema.name`, quoted. */
  readonly qualified: string;
  readonly language: string;
  readonly volatile: boolean;
  /** Those without a default. */
  readonly argumentTypes: readonly string[];
  readonly argumentNames: readonly (string | null)[];
  /** It returns rows of this relation. */
  readonly rowsOf: string | null;
  readonly body: string;
}

/** Functions that the role $1 may execute and that return a value; not those with `trigger` and other pseudo-types. */
const FUNCTIONS = `
  SELECT n.nspname::text AS schema,
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS signature,
    format('%I.%I', n.nspname, p.proname) AS qualified, l.lanname::text AS language, p.provolatile = 'v' AS volatile,
    ARRAY(
      SELECT format_type(a.type, NULL) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, i)
      WHERE a.i <= p.pronargs - p.pronargdefaults ORDER BY a.i
    ) AS "argumentTypes",
    ARRAY(
      SELECT p.proargnames[a.i] FROM generate_series(1, coalesce(cardinality(p.proargmodes), p.pronargs)) AS a (i)
      WHERE p.proargmodes IS NULL OR p.proargmodes[a.i] IN ('i', 'b', 'v') ORDER BY a.i
    ) AS "argumentNames",
    CASE WHEN t.typrelid <> 0 THEN t.typrelid::regclass::text END AS "rowsOf",
    coalesce(nullif(p.prosrc, ''), '') AS body
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
  JOIN pg_type t ON t.oid = p.prorettype
  WHERE p.prokind = 'f' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    AND (t.typtype <> 'p' OR t.typname = 'record')
    AND has_schema_privilege($1, n.oid, 'USAGE') AND has_function_privilege($1, p.oid, 'EXECUTE')
    AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    )
  ORDER BY 2`;

/** Languages and extensions through which a function can act outside its transaction. */
const OUTSIDE = `
  SELECT name FROM (
    SELECT lanname::text AS name FROM pg_language WHERE NOT lanpltrusted AND lanname NOT IN ('c', 'internal')
    UNION ALL
    SELECT extname::text FROM pg_extension
    WHERE extname IN ('dblink', 'http', 'pg_net', 'pgsql-http', 'aws_lambda', 'aws_s3', 'plproxy', 'adminpack', 'pg_background')
  ) AS found ORDER BY name`;

/** Functions whose effects a rollback does not undo, or that would use the whole time limit. */
const UNHARMLESS =
  /\b(?:pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_rotate_logfile|pg_sleep|lo_export)\b/i;

export interface Callables {
  readonly functions: readonly CallableFunction[];
  readonly notChecked: readonly NotChecked[];
}

/**
 * STABLE and IMMUTABLE functions are called because they declare that they change nothing. VOLATILE is the default, and
 * most functions that leak are VOLATILE; they are called too, in a read-only transaction that is rolled back, if they
 * cannot act outside it.
 */
export async function callableFunctions(
  ask: Ask,
  role: string,
  isAudited: (schema: string) => boolean,
): Promise<Callables> {
  const found = rowsOf(await ask<CallableFunction>(FUNCTIONS, [role])).filter(({ schema }) =>
    isAudited(schema),
  );
  const outside = rowsOf(await ask<{ name: string }>(OUTSIDE)).map(({ name }) => name);
  const functions: CallableFunction[] = [];
  const notChecked: NotChecked[] = [];
  for (const callable of found) {
    const reason = reasonNotToCall(callable, outside);
    if (reason === undefined) functions.push(callable);
    else notChecked.push(notCalled(callable, reason));
  }
  return { functions, notChecked };
}

function reasonNotToCall(callable: CallableFunction, outside: readonly string[]): string | undefined {
  if (UNHARMLESS.test(callable.body)) return 'it does what a rollback does not take back';
  if (!['sql', 'plpgsql'].includes(callable.language)) return `it is written in ${callable.language}`;
  if (callable.volatile && outside.length > 0) {
    return `it is VOLATILE, and could reach beyond its transaction through ${outside.join(', ')}`;
  }
  return undefined;
}

/** What the report says of a function that is not called. */
export function notCalled({ signature }: CallableFunction, reason: string): NotChecked {
  return { rule: FOREIGN_ROWS_FROM_FUNCTION.id, object: signature, reason };
}

function rowsOf<Row>(answer: { rows: readonly Row[] } | { refusal: { message: string } }): readonly Row[] {
  if ('refusal' in answer) throw new Error(`the functions cannot be listed: ${answer.refusal.message}`);
  return answer.rows;
}
