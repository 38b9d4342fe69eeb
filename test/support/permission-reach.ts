/** How far somebody with a set of permissions comes in a schema. */
import {
  getNamedType,
  isAbstractType,
  isObjectType,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql';
import { PublicError } from '../../src/kernel/vocabulary/errors.js';
import type { Permission } from '../../src/kernel/vocabulary/permissions.js';

export interface Reach {
  /** The fields that are given, or would be for an object of their type. */
  readonly given: ReadonlySet<string>;
  /** The permissions for want of which a field was refused. */
  readonly refusals: readonly Permission[];
}

/**
 * How far somebody with these permissions comes: from the root fields on, through every field that does not refuse. A
 * field may leave the check to those that lead to its type, which is why it is the way that counts.
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
      // A subscription is refused at first, and for each event.
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
      if (isAbstractType(target)) open.push(...schema.getPossibleTypes(target));
    }
  }
  return { given, refusals: [...refusals] };
}

/** The permission for want of which a resolver refuses; undefined when it does not, or for another reason. */
async function refusalBy(
  ask: GraphQLFieldResolver<unknown, unknown> | undefined,
  permissions: ReadonlySet<Permission>,
): Promise<Permission | undefined> {
  const asked = (async (): Promise<unknown> => ask?.({}, {}, contextThatIsNotUsed(permissions), info))();
  // graphql-js takes an error that is returned as one that is thrown.
  const refusal = await asked.catch((error: unknown) => error);
  const requires =
    refusal instanceof PublicError && refusal.code === 'FORBIDDEN' && refusal.extensions['requires'];
  return typeof requires === 'string' && requires.includes(':') ? (requires as Permission) : undefined;
}

/** A request's context in which anything but the permissions ends in an error of another kind. */
const contextThatIsNotUsed = (permissions: ReadonlySet<Permission>) => ({
  viewer: { permissions },
  get db(): never {
    throw new Error('the resolver ran');
  },
});

const info = {} as GraphQLResolveInfo;
