/** Computes which fields of a schema a caller with a set of permissions can reach. */
import {
  getNamedType,
  isAbstractType,
  isObjectType,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql';
import { PublicError } from '../../src/kernel/vocabulary/errors.js';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import type { Permission } from '../../src/kernel/vocabulary/permissions.js';

export interface Reach {
  /** The fields that are allowed, if there is an object of their type. */
  readonly given: ReadonlySet<string>;
  /** The missing permissions because of which fields were refused. */
  readonly refusals: readonly Permission[];
}

/**
 * Follows every allowed field from the root fields on. A field may rely on the guards of the fields that lead to its
 * type, so only the path decides.
 */
export async function reachOf(schema: GraphQLSchema, permissions: ReadonlySet<Permission>): Promise<Reach> {
  const given = new Set<string>();
  const refusals = new Set<Permission>();
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const open = roots.filter((type) => type != null);
  for (let type = open.pop(); type; type = open.pop()) {
    for (const field of Object.values(type.getFields())) {
      const coordinate = `${type.name}.${field.name}`;
      if (given.has(coordinate)) continue;
      const { resolve, subscribe } = field;
      // A subscription is refused when it starts, and again for each event.
      const isSubscription = type === schema.getSubscriptionType();
      const refused = await Promise.all(
        (isSubscription ? [subscribe, resolve] : [resolve]).map((ask) => refusalBy(ask, permissions)),
      );
      const [permission] = new Set(refused);
      if (permission !== undefined && !refused.includes(undefined)) {
        refusals.add(permission);
        continue;
      }
      given.add(coordinate);
      const target = getNamedType(field.type);
      if (isObjectType(target)) open.push(target);
      if (!isAbstractType(target)) continue;
      const possible = schema.getPossibleTypes(target);
      open.push(...(target.name === 'Node' ? await readByIds(schema, possible, permissions) : possible));
    }
  }
  return { given, refusals: [...refusals] };
}

/** The types whose objects `Query.node` does not refuse: whatever answers a Node asks the same reader. */
async function readByIds(
  schema: GraphQLSchema,
  types: readonly GraphQLObjectType[],
  permissions: ReadonlySet<Permission>,
): Promise<readonly GraphQLObjectType[]> {
  const node = schema.getQueryType()?.getFields()['node']?.resolve;
  const refusals = await Promise.all(
    types.map(({ name }) => refusalBy(node, permissions, { id: encodeId(name, crypto.randomUUID()) })),
  );
  return types.filter((_type, at) => refusals[at] === undefined);
}

/** The permission for want of which a resolver refuses; undefined when it does not, or for another reason. */
async function refusalBy(
  ask: GraphQLFieldResolver<unknown, unknown> | undefined,
  permissions: ReadonlySet<Permission>,
  args: Readonly<Record<string, unknown>> = {},
): Promise<Permission | undefined> {
  const asked = (async (): Promise<unknown> => ask?.({}, args, contextThatIsNotUsed(permissions), info))();
  // graphql-js takes an error that is returned as one that is thrown.
  const refusal = await asked.catch((error: unknown) => error);
  const requires =
    refusal instanceof PublicError && refusal.code === 'FORBIDDEN' && refusal.extensions['requires'];
  return typeof requires === 'string' && requires.includes(':') ? (requires as Permission) : undefined;
}

/** A request context in which everything but the permissions throws an error of another kind. */
const contextThatIsNotUsed = (permissions: ReadonlySet<Permission>) => ({
  viewer: { permissions },
  get db(): never {
    throw new Error('the resolver ran');
  },
});

const info = {} as GraphQLResolveInfo;
