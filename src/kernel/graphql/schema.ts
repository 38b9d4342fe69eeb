/** Builds the executable schema of the installed modules from their SDL, their resolvers and the guards. */
import { makeExecutableSchema } from '@graphql-tools/schema';
import { isScalarType, Kind, parse, type GraphQLSchema } from 'graphql';
import { guestMutations, objectTypes, readGuards, type Guards } from '../access/guards.js';
import { readInputGuards, type InputGuards } from '../access/input-guards.js';
import { ERROR_CODES, errorCodeEnum } from '../vocabulary/error-codes.js';
import { enumName, RoleMatrix, ROLES } from '../vocabulary/permissions.js';
import { usesOf } from '../access/schema-types.js';
import { RecordedColumns } from '../access/recorded-columns.js';
import { guardSchema, type DataRules } from './shield.js';
import type { Connection } from './connection.js';
import { DateTime } from './date-time.js';
import { JSONObject } from './json-object.js';
import { keepDeclaredErrors } from './declared-errors.js';
import { refuseRedefinitions } from './definitions.js';
import { describedDocument } from './describe.js';
import { SCALARS } from './scalars.js';
import { usedDefinitions } from './used-definitions.js';
import { defineModule, readSchema, type Module } from './module.js';
import type { ErrorCode, Resolvers } from '../../generated/graphql.js';

/** The schema that the server executes, with its role × permission matrix. */
export interface Api {
  readonly schema: GraphQLSchema;
  readonly roles: RoleMatrix;
  readonly guards: Guards;
  readonly inputGuards: InputGuards;
  /** Decides who may see which columns of rows in the audit log. */
  readonly recorded: RecordedColumns;
  /** The mutations that need no membership. */
  readonly guestMutations: ReadonlySet<string>;
  /** The coordinates of what has no description. */
  readonly undescribed: readonly string[];
}

const kernel = defineModule({
  name: 'kernel',
  typeDefs:
    readSchema(import.meta.url, 'connection.graphql') +
    readSchema(import.meta.url, '../access/directives.graphql') +
    readSchema(import.meta.url, './change.graphql') +
    errorCodeEnum(),
  resolvers: {
    DateTime,
    JSONObject,
    OrderDirection: { ASC: 'asc', DESC: 'desc' },
    Query: {
      roles: (_parent, _args, { roles }) =>
        ROLES.map((role) => ({ role, permissions: [...roles.of(role)].sort() })),
      errorCodes: () => [...ERROR_CODES] as ErrorCode[],
    },
  },
});

/**
 * Builds the API of `modules`.
 *
 * @param undeclaredErrors whether an error of a mutation that its `@errors` does not declare is a defect
 * @throws UnguardedSchemaError when a field has no guard; Error when modules contradict each other
 */
export function buildApi(modules: readonly Module[], undeclaredErrors: 'refuse' | 'pass' = 'refuse'): Api {
  const installed = [kernel, ...columnTypes([kernel, ...modules]), ...modules];
  const roles = new RoleMatrix(installed.map((module) => module.permissions ?? {}));
  const typeDefs = installed.map((module) => module.typeDefs);
  refuseRedefinitions(typeDefs);
  const { document, undescribed } = describedDocument(withSubscriptionType(typeDefs), roles);
  const schema = makeExecutableSchema({
    typeDefs: document,
    resolvers: [
      ...installed.map((module) => module.resolvers),
      // Code uses the notation of the database for roles and permissions; GraphQL has enums.
      {
        Role: Object.fromEntries(ROLES.map((role) => [role.toUpperCase(), role])),
        Permission: Object.fromEntries(
          roles.permissions.map((permission) => [enumName(permission), permission]),
        ),
      },
    ],
    resolverValidationOptions: { requireResolversToMatchSchema: 'error' },
  });
  countOnDemand(schema);
  keepOwnDescriptions(schema);
  const guards = readGuards(schema, roles.permissions);
  const inputGuards = readInputGuards(schema, roles.permissions);
  const dataRules: DataRules = collect(installed, 'rules', 'have a rule for');
  const guarded = guardSchema(schema, { guards, inputGuards }, dataRules);
  keepDeclaredErrors(guarded, undeclaredErrors);
  return {
    schema: guarded,
    roles,
    guards,
    inputGuards,
    recorded: new RecordedColumns({
      schema,
      guards,
      permissions: roles.permissions,
      fieldsWithRules: new Set(Object.keys(dataRules)),
      declared: collect(installed, 'audit', 'say what the audit log has of'),
    }),
    guestMutations: guestMutations(schema),
    undescribed,
  };
}

/**
 * The kernel's types for columns and filters that the modules use. Others are left out, so the contract has no unused
 * types.
 */
function columnTypes(installed: readonly Module[]): Module[] {
  const used = usedDefinitions(
    readSchema(import.meta.url, 'scalars.graphql'),
    installed.map(({ typeDefs }) => typeDefs),
  );
  if (used.names.length === 0) return [];
  const resolvers = Object.fromEntries(
    Object.entries(SCALARS).filter(([name]) => used.names.includes(name)),
  ) as Resolvers;
  return [defineModule({ name: 'column types', typeDefs: used.sdl, resolvers })];
}

/** Replaces what packages say of their scalars by our SDL, so that introspection and the printed schema agree. */
function keepOwnDescriptions(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isScalarType(type) || !type.astNode) continue;
    type.description = type.astNode.description?.value ?? type.description;
    const [specified] = usesOf(type, 'specifiedBy');
    if (typeof specified?.['url'] === 'string') type.specifiedByURL = specified['url'];
  }
}

/** Makes `totalCount` count the rows only when it is selected. */
function countOnDemand(schema: GraphQLSchema): void {
  for (const type of objectTypes(schema)) {
    const { totalCount, pageInfo } = type.getFields();
    if (totalCount && pageInfo) {
      totalCount.resolve ??= (connection: Connection<unknown>) => connection.totalCount();
    }
  }
}

/**
 * Adds the type Subscription when a module extends it: the kernel has no subscription fields, and a type without fields
 * is invalid.
 */
function withSubscriptionType(typeDefs: readonly string[]): string[] {
  const definitions = typeDefs.flatMap((source) => parse(source).definitions);
  const has = (kind: Kind.OBJECT_TYPE_DEFINITION | Kind.OBJECT_TYPE_EXTENSION) =>
    definitions.some((definition) => definition.kind === kind && definition.name.value === 'Subscription');
  return has(Kind.OBJECT_TYPE_EXTENSION) && !has(Kind.OBJECT_TYPE_DEFINITION)
    ? [...typeDefs, 'type Subscription']
    : [...typeDefs];
}

/** @throws Error when two modules define the same entry */
function collect<Key extends 'rules' | 'audit'>(
  installed: readonly Module[],
  key: Key,
  both: string,
): NonNullable<Module[Key]> {
  const all: Record<string, unknown> = {};
  for (const module of installed) {
    for (const [name, value] of Object.entries(module[key] ?? {})) {
      if (Object.hasOwn(all, name)) throw new Error(`two modules ${both} ${name}`);
      all[name] = value;
    }
  }
  return all as NonNullable<Module[Key]>;
}
