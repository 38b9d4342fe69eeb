/**
 * Proves a reviewed table of permissions against the running API: every field of the schema is requested by every role
 * and must be allowed or refused as the table says. The fields come from the schema, so none is forgotten. The required
 * permissions come from the table, so no guard changes without a review.
 */
import {
  getNamedType,
  isCompositeType,
  isObjectType,
  isRequiredArgument,
  isTypeDefinitionNode,
  isTypeExtensionNode,
  parse,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { objectTypes } from '../../src/kernel/access/guards.js';
import { readInputGuards } from '../../src/kernel/access/input-guards.js';
import { enumName, ROLES, type Permission, type Role } from '../../src/kernel/vocabulary/permissions.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import type { Module } from '../../src/kernel/graphql/module.js';
import { modules as installedModules } from '../../src/modules.js';
import { useClients } from './clients.js';
import { deriveArguments } from './derived-arguments.js';
import { adviceFor, wrongGrants, wrongGuards } from './permission-entries.js';
import { countAuditRows } from './rows.js';
import { proveSinglePermissions } from './single-permissions.js';
import type { TestServer } from './server.js';
import { type Reach, reachOf } from './permission-reach.js';

/** Makes the arguments of a field for one call and the rows that they refer to. Each mutation needs its own rows. */
export type MakeArguments = (server: TestServer, asker: Role) => object | Promise<object>;

export interface PermissionTable {
  /** For each role, those of its permissions that the modules define. */
  readonly grants: Readonly<Record<Role, readonly Permission[]>>;
  /**
   * The permission that each field of each type requires; null means any member. A value for a whole type, or for `*`,
   * applies to its other fields.
   */
  readonly guards: Readonly<Record<string, GuardsOfType>>;
  /** The permissions that arguments, input fields and enum values require, by coordinate: `ThingFilter.secret`. */
  readonly inputGuards?: Readonly<Record<string, Permission>>;
  /** Arguments by the field's coordinate, where the derived ones do not suffice. */
  readonly arguments?: Readonly<Record<string, MakeArguments>>;
}

export type GuardsOfType = Permission | null | Readonly<Record<string, Permission | null>>;

/** The tenant of the callers. */
const TENANT = 'acme';

/**
 * Declares the tests. Call it at the top level of a test file.
 *
 * @param modules the modules that the table covers
 * @param installed the modules of the server, which include `modules`
 */
export function provePermissions(
  server: () => TestServer,
  modules: readonly Module[],
  reviewed: PermissionTable,
  installed: readonly Module[] = installedModules,
): void {
  const { schema, roles, guards: actual } = buildApi(installed);
  const defined = ownFields(modules);
  // The kernel's own fields are reviewed by the table that covers all installed modules.
  const isReviewed = (coordinate: string) => modules === installed || defined.has(coordinate);
  const fields = [...allFields(schema)].filter(({ coordinate }) => isReviewed(coordinate));
  const table = complete(reviewed, schema, fields);
  const demanded = (coordinate: string): Permission | null => {
    const [type, field] = coordinate.split('.') as [string, string];
    return isReviewed(coordinate) ? (table.guards[type]?.[field] ?? null) : (actual.get(coordinate) ?? null);
  };
  const isOwn = (permission: Permission) =>
    modules.some((module) => Object.hasOwn(module.permissions ?? {}, permission));
  const ownPermissions = roles.permissions.filter(isOwn);
  const clientOf = useClients(server);

  test('each role holds the permissions it was reviewed with, and the API says so', async () => {
    const sorted = Object.fromEntries(ROLES.map((role) => [role, [...table.grants[role]].sort()]));
    const heldBy = (role: Role) => [...roles.of(role)].filter(isOwn).sort();
    const held = Object.fromEntries(ROLES.map((role) => [role, heldBy(role)]));
    expect(held, wrongGrants(sorted, held)).toEqual(sorted);

    const { data } = await (await clientOf('viewer')).query('{ roles { role permissions } }');
    const names = new Set(ownPermissions.map(enumName));
    const told = (data['roles'] as { role: string; permissions: string[] }[]).map(
      ({ role, permissions }) => ({
        role,
        permissions: permissions.filter((permission) => names.has(permission)),
      }),
    );
    expect(told).toEqual(
      ROLES.map((role) => ({ role: role.toUpperCase(), permissions: sorted[role]!.map(enumName) })),
    );
  });

  test('the guard of every field is the one it was reviewed with', () => {
    const guards: Record<string, Record<string, Permission | null>> = {};
    for (const [coordinate, guard] of actual) {
      if (!isReviewed(coordinate)) continue;
      const [type, field] = coordinate.split('.') as [string, string];
      (guards[type] ??= {})[field] = guard;
    }
    expect(guards, wrongGuards(reviewed, table.guards, guards)).toEqual(table.guards);
    const inputGuards = [...readInputGuards(schema, roles.permissions)].filter(([coordinate]) =>
      isReviewed(coordinate),
    );
    expect(
      Object.fromEntries(inputGuards),
      'If the schema is right, change inputGuards in the table of this test',
    ).toEqual(table.inputGuards ?? {});
  });

  describe.each(ROLES)('as %s', (role) => {
    const holds = (permission: Permission | null) =>
      permission === null ||
      (isOwn(permission) ? table.grants[role].includes(permission) : roles.of(role).has(permission));

    const reachable = fields.flatMap(({ coordinate, path }) => (path ? [{ coordinate, path }] : []));
    const cases = reachable.map(({ coordinate, path }) => ({
      coordinate,
      path,
      refusedAt: path.findIndex((step) => !holds(demanded(step.coordinate))),
    }));

    test.each(named(cases.filter(({ refusedAt }) => refusedAt < 0)))(
      '%s is given',
      async (_name, { path }) => {
        const before = await countAuditRows(server().database);
        const operation = await operationFor(path, table, server(), role);
        const { status, data, errors } = await (
          await clientOf(role, TENANT)
        ).query(operation.document, operation.variables);

        expect(errors, adviceFor(reviewed, role, path, errors)).toEqual([]);
        expect(status).toBe(200);
        const parent = valueAt(data, path.slice(0, -1));
        expect(parent).toHaveProperty([path.at(-1)!.field.name]);
        if (path.length === 1) expect(valueAt(data, path)).not.toBeNull();
        expect(rest(data, path)).toEqual(untouchedRest(role, path));
        const written = (await countAuditRows(server().database)) - before - operation.writtenByArguments;
        // The audit log shows that the mutation changed something, and did not succeed by doing nothing.
        if (path[0]!.operation === 'mutation') expect(written).toBeGreaterThan(0);
        else expect(written).toBe(0);
      },
    );

    const refused = cases.filter(({ refusedAt }) => refusedAt >= 0);
    if (refused.length === 0) return;
    test.each(named(refused))('%s is refused', async (_name, { path, refusedAt }) => {
      const refusedPath = path.slice(0, refusedAt + 1);
      const requires = demanded(refusedPath.at(-1)!.coordinate);
      const before = await countAuditRows(server().database);
      const operation = await operationFor(path, table, server(), role);
      const { status, data, errors } = await (
        await clientOf(role, TENANT)
      ).query(operation.document, operation.variables);

      expect(status).toBe(200);
      expect(errors, adviceFor(reviewed, role, refusedPath, errors)).toEqual([
        {
          message: `This needs the permission ${requires}.`,
          locations: [expect.any(Object)],
          path: pathInData(refusedPath),
          extensions: { code: 'FORBIDDEN', requires },
        },
      ]);
      expect(valueAt(data, refusedPath)).toBeNull();
      expect(rest(data, path)).toEqual(untouchedRest(role, path));
      const written = (await countAuditRows(server().database)) - before - operation.writtenByArguments;
      expect(written).toBe(0);
    });
  });

  proveSinglePermissions(server, {
    schema,
    permissions: ownPermissions,
    isReviewed,
    demanded,
    arguments: table.arguments,
  });

  if (ownPermissions.length === 0) return;
  test.each(ownPermissions)(
    'whoever holds %s alone comes no further than the table says',
    async (permission) => {
      const { given } = await reachOf(schema, new Set([permission]));
      const guards = [...given].map((coordinate) => demanded(coordinate));
      expect(guards.filter((guard) => guard !== null && guard !== permission)).toEqual([]);
    },
  );

  // Every role holds some of the permissions, so requests of the roles cannot show that their guards exist. These
  // callers each lack one permission.
  const guarded = fields.flatMap(({ coordinate }) => {
    const permission = demanded(coordinate);
    return permission === null ? [] : [{ coordinate, permission }];
  });
  const withoutPermission = new Map<Permission, Promise<Reach>>();
  test.each(named(guarded))(
    '%s is out of reach of whoever holds all but its permission',
    async (_name, { coordinate, permission }) => {
      const others = new Set(roles.permissions.filter((other) => other !== permission));
      const reach = withoutPermission.get(permission) ?? reachOf(schema, others);
      withoutPermission.set(permission, reach);
      const { given, refusals } = await reach;
      expect(given).not.toContain(coordinate);
      // Only one permission is missing, so no other can be the reason for a refusal.
      expect(refusals).toEqual([permission]);
    },
  );

  test('no field is out of reach of these tests, but behind a subscription', () => {
    const unreached = fields.filter(({ path }) => path === undefined).map(({ coordinate }) => coordinate);
    const behind = behindSubscriptions(schema);
    expect(unreached.filter((coordinate) => !behind.has(coordinate))).toEqual([]);
  });
}

/** A table with an entry for each field and for each required argument. */
interface CompleteTable extends PermissionTable {
  readonly guards: Readonly<Record<string, Readonly<Record<string, Permission | null>>>>;
  readonly arguments: Readonly<Record<string, MakeArguments>>;
}

function complete(
  reviewed: PermissionTable,
  schema: GraphQLSchema,
  fields: readonly FieldOfType[],
): CompleteTable {
  const guards = Object.entries(reviewed.guards).map(([type, guard]) => {
    const { '*': others, ...single } = typeof guard === 'string' || guard === null ? { '*': guard } : guard;
    if (others === undefined) return [type, single] as const;
    const ofType = fields.filter((each) => each.type.name === type);
    const rest = Object.fromEntries(ofType.map(({ field }) => [field.name, others]));
    return [type, { ...rest, ...single }] as const;
  });
  const derived = [...allFields(schema)]
    .filter(({ field, isRoot }) => isRoot || field.args.some(isRequiredArgument))
    .map(
      ({ coordinate, field }) =>
        [coordinate, deriveArguments(field, { isQuery: !coordinate.startsWith('Mutation.') })] as const,
    );
  return {
    ...reviewed,
    guards: Object.fromEntries(guards),
    arguments: { ...Object.fromEntries(derived), ...reviewed.arguments },
  };
}

/**
 * The fields, input fields and enum values that the modules define, including those that they add to types of others.
 */
function ownFields(modules: readonly Module[]): ReadonlySet<string> {
  const own = new Set<string>();
  for (const definition of modules.flatMap(({ typeDefs }) => parse(typeDefs).definitions)) {
    if (!isTypeDefinitionNode(definition) && !isTypeExtensionNode(definition)) continue;
    const type = definition.name.value;
    const fields = 'fields' in definition ? (definition.fields ?? []) : [];
    const values = 'values' in definition ? (definition.values ?? []) : [];
    for (const { name } of [...fields, ...values]) own.add(`${type}.${name.value}`);
    for (const field of fields) {
      const args = 'arguments' in field ? (field.arguments ?? []) : [];
      for (const { name } of args) own.add(`${type}.${field.name.value}(${name.value}:)`);
    }
  }
  return own;
}

/** Cases for `test.each`, named by their coordinate. */
const named = <Case extends { readonly coordinate: string }>(cases: readonly Case[]) =>
  cases.map((each) => [each.coordinate, each] as const);

interface Step {
  readonly coordinate: string;
  readonly operation: 'query' | 'mutation';
  readonly field: GraphQLField<unknown, unknown>;
}

interface FieldOfType {
  readonly coordinate: string;
  readonly type: GraphQLObjectType;
  readonly field: GraphQLField<unknown, unknown>;
  readonly isRoot: boolean;
  /** The shortest path from a root field to this field. Undefined for fields that only a subscription reaches. */
  readonly path: readonly Step[] | undefined;
}

function* allFields(schema: GraphQLSchema): Iterable<FieldOfType> {
  const paths = shortestPaths(schema);
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  for (const type of objectTypes(schema)) {
    for (const field of Object.values(type.getFields())) {
      const coordinate = `${type.name}.${field.name}`;
      yield { coordinate, type, field, isRoot: roots.includes(type), path: paths.get(coordinate) };
    }
  }
}

/** The shortest path to each field, by a breadth-first search. Queries come before mutations. */
function shortestPaths(schema: GraphQLSchema): Map<string, readonly Step[]> {
  const paths = new Map<string, readonly Step[]>();
  for (const [operation, root] of [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
  ] as const) {
    const open: { type: GraphQLObjectType; way: readonly Step[] }[] = root ? [{ type: root, way: [] }] : [];
    for (let next = open.shift(); next; next = open.shift()) {
      for (const field of Object.values(next.type.getFields())) {
        const coordinate = `${next.type.name}.${field.name}`;
        if (paths.has(coordinate)) continue;
        const way = [...next.way, { coordinate, operation, field }];
        paths.set(coordinate, way);
        const target = getNamedType(field.type);
        if (isObjectType(target)) open.push({ type: target, way });
      }
    }
  }
  return paths;
}

/** The subscription fields and the fields of the types that they lead to. */
function behindSubscriptions(schema: GraphQLSchema): Set<string> {
  const reached = new Set<string>();
  const open = [schema.getSubscriptionType()];
  for (let type = open.shift(); type; type = open.shift()) {
    for (const field of Object.values(type.getFields())) {
      const coordinate = `${type.name}.${field.name}`;
      const target = getNamedType(field.type);
      if (!reached.has(coordinate) && isObjectType(target)) open.push(target);
      reached.add(coordinate);
    }
  }
  return reached;
}

/** Builds the operation that selects the last field of a path, together with a field that every member may read. */
async function operationFor(path: readonly Step[], table: CompleteTable, server: TestServer, asker: Role) {
  const before = await countAuditRows(server.database);
  const variables: Record<string, unknown> = {};
  const declarations: string[] = [];
  const parts: string[] = [];
  for (const [at, { coordinate, field }] of path.entries()) {
    const given = await table.arguments[coordinate]?.(server, asker);
    const args = Object.entries(given ?? {}).map(([name, value]) => {
      const type = field.args.find((argument) => argument.name === name)?.type;
      if (!type) throw new Error(`${coordinate} has no argument ${name}`);
      const variable = `${name}${at}`;
      variables[variable] = value;
      declarations.push(`$${variable}: ${type.toString()}`);
      return `${name}: $${variable}`;
    });
    parts.push(field.name + (args.length > 0 ? `(${args.join(', ')})` : ''));
  }
  const leaf = isCompositeType(getNamedType(path.at(-1)!.field.type)) ? ' { __typename }' : '';
  const asked = parts.reduceRight((inner, part) => (inner === '' ? part + leaf : `${part} { ${inner} }`), '');
  const { operation } = path[0]!;
  const beside = operation === 'query' ? 'me { userId }' : 'rest: __typename';
  const head = declarations.length > 0 ? `(${declarations.join(', ')})` : '';
  return {
    document: `${operation} Ask${head} { ${beside} ${asked} }`,
    variables,
    writtenByArguments: (await countAuditRows(server.database)) - before,
  };
}

const isList = ({ field }: Step) => field.type.toString().startsWith('[');

/** The response path of an error at the last step. It goes through the first row of each list. */
const pathInData = (path: readonly Step[]): (string | number)[] =>
  path.flatMap((step, at) =>
    isList(step) && at < path.length - 1 ? [step.field.name, 0] : [step.field.name],
  );

/** The value at the end of a path. Lists on the path must not be empty; their first row is used. */
function valueAt(data: Readonly<Record<string, unknown>>, path: readonly Step[]): unknown {
  let value: unknown = data;
  for (const [at, step] of path.entries()) {
    expect(value).toHaveProperty([step.field.name]);
    value = (value as Record<string, unknown>)[step.field.name];
    if (at === path.length - 1) break;
    if (Array.isArray(value)) value = (value as unknown[])[0];
    expect(value).not.toBeNull();
  }
  if (path.length > 0 && Array.isArray(value) && isCompositeType(getNamedType(path.at(-1)!.field.type))) {
    expect(value).not.toHaveLength(0);
    return (value as unknown[])[0];
  }
  return value;
}

/** The value of the field that every member may read. */
function rest(data: Readonly<Record<string, unknown>>, path: readonly Step[]): unknown {
  if (path[0]!.operation === 'mutation') return data['rest'];
  return (data['me'] as { userId: unknown }).userId;
}

const untouchedRest = (role: Role, path: readonly Step[]) =>
  path[0]!.operation === 'mutation' ? 'Mutation' : `demo|${TENANT}|${role}`;
