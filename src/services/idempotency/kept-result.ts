/** The stored form of a result, and its form in the answer to a retry. */
import { GraphQLError, isNonNullType, type GraphQLFormattedError, type GraphQLSchema } from 'graphql';
import type { ExecutionResult } from 'graphql';
import type { Guards } from '../../kernel/access/guards.js';
import type { Permission } from '../../kernel/vocabulary/permissions.js';
import { forbidden, PublicError, type ErrorCode } from '../../kernel/vocabulary/errors.js';
import { locate } from '../../kernel/graphql/locations.js';
import type { ReachedRoot } from './reached-fields.js';

/** The result that was sent. */
export interface KeptResult {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly GraphQLFormattedError[];
}

/** An error of the first answer, sent again unchanged: masked errors stay masked, with the first request's id. */
export class KeptError extends PublicError {
  constructor(private readonly sent: GraphQLFormattedError) {
    const { code, ...details } = sent.extensions ?? {};
    super(code as ErrorCode, sent.message, details);
  }

  override toJSON(): GraphQLFormattedError {
    return this.sent;
  }
}

/** Extensions that contain no data of a row. */
const WITHOUT_DATA = new Set(['code', 'requires', 'requestId']);

function withoutDetails({ extensions = {}, ...error }: GraphQLFormattedError): GraphQLFormattedError {
  const details = Object.entries(extensions).filter(([name]) => WITHOUT_DATA.has(name));
  return { ...error, extensions: Object.fromEntries(details) };
}

/** The permissions that the selected fields require. */
function demanded(roots: Iterable<ReachedRoot>, guards: Guards): ReadonlySet<Permission> {
  const permissions = new Set<Permission>();
  for (const { fields } of roots) {
    for (const field of fields) {
      const guard = guards.get(field);
      if (guard != null) permissions.add(guard);
    }
  }
  return permissions;
}

/**
 * The kept result for a caller who now holds `permissions`. A root field that needs a permission which the caller has
 * lost is null, with a FORBIDDEN error. Details of an error beside its code may be data of any field: only a caller who
 * has lost no permission gets them.
 *
 * @param granted the permissions that the caller had at the first answer
 */
export function resultAgain(
  { data, errors = [] }: KeptResult,
  granted: readonly string[],
  permissions: ReadonlySet<Permission>,
  {
    roots,
    schema,
    guards,
  }: {
    readonly roots: ReadonlyMap<string, ReachedRoot>;
    readonly schema: GraphQLSchema;
    readonly guards: Guards;
  },
): ExecutionResult {
  const refusals = new Map<string, GraphQLError>();
  for (const [name, root] of roots) {
    const lost = [...demanded([root], guards)].find(
      (permission) => granted.includes(permission) && !permissions.has(permission),
    );
    if (!lost) continue;
    const originalError = forbidden(lost);
    refusals.set(
      name,
      new GraphQLError(originalError.message, { nodes: root.nodes, path: [name], originalError }),
    );
  }
  const hasLost = granted.some((each) => !permissions.has(each as Permission));
  const kept = errors
    .filter(({ path }) => !refusals.has(String(path?.[0])))
    .map((error) => (hasLost ? withoutDetails(error) : error));
  const fields = schema.getMutationType()?.getFields() ?? {};
  const unanswerable = [...refusals.keys()].some((name) =>
    isNonNullType(fields[roots.get(name)?.nodes[0]?.name.value ?? '']?.type),
  );
  const refused = Object.fromEntries([...refusals.keys()].map((name) => [name, null]));
  locate([...refusals.values()]);
  const all = [...refusals.values(), ...kept.map((error) => new KeptError(error))];
  return {
    data: data === null || unanswerable ? null : { ...data, ...refused },
    ...(all.length > 0 && { errors: all }),
  };
}
