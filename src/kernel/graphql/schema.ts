/** Builds the executable schema of the installed modules from their SDL, their resolvers and the guards. */
import { makeExecutableSchema } from '@graphql-tools/schema';
import { isScalarType, Kind, parse, type DefinitionNode, type GraphQLSchema } from 'graphql';
import { guestMutations, objectTypes, readGuards, type Guards } from '../access/guards.js';
import { readInputGuards, type InputGuards } from '../access/input-guards.js';
import { ERROR_CODES, errorCodeEnum } from '../vocabulary/error-codes.js';
import { enumName, RoleMatrix, ROLES } from '../vocabulary/permissions.js';
import {
  DEFAULT_DOCUMENT_LIMITS,
  limitDocuments,
  type DocumentLimits,
} from '../vocabulary/document-limits.js';
import { RoleSchemas } from '../access/role-schema.js';
import { usesOf } from '../access/schema-types.js';
import { RecordedColumns } from '../access/recorded-columns.js';
import { guardSchema, type DataRules } from './shield.js';
import { refuseLargePage, type Connection, type PageArguments } from './connection.js';
import type { RequestContext } from './request-context.js';
import { DateTime } from './date-time.js';
import { decodeIds, encodeIds } from './ids.js';
import { JSONObject } from './json-object.js';
import { childLists, LookAhead } from './look-ahead.js';
import { NodeReader } from './node-reader.js';
import { keepDeclaredErrors } from './declared-errors.js';
import { refuseRedefinitions } from './definitions.js';
import { describedDocument } from './describe.js';
import { federationModule } from './federation.js';
import { SCALARS } from './scalars.js';
import { keepScales } from './scales.js';
import { refuseTenantsElsewhere } from './tenant-elsewhere.js';
import { usedDefinitions } from './used-definitions.js';
import { defineModule, readSchema, type Module } from './module.js';
import type { ErrorCode, Resolvers } from '../../generated/graphql.js';

/** The schema that the server executes, with its role × permission matrix. */
export interface Api {
  readonly schema: GraphQLSchema;
  readonly roles: RoleMatrix;
  readonly guards: Guards;
  readonly inputGuards: InputGuards;
  /** The parts of the schema for the permissions of callers. */
  readonly roleSchemas: RoleSchemas;
  /** Decides who may see which columns of rows in the audit log. */
  readonly recorded: RecordedColumns;
  /** Reads objects by their ids alone. */
  readonly nodes: NodeReader;
  /** Finds what documents ask for below lists. */
  readonly lookAhead: LookAhead;
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

/** The kernel's part of the schema for reading objects by their ids, for schemas in which a type implements Node. */
const nodeModule = (nodes: NodeReader): Module =>
  defineModule({
    name: 'node',
    typeDefs: readSchema(import.meta.url, './node.graphql'),
    resolvers: {
      // The generated type lists the types of the installed modules.
      Node: { __resolveType: (row: object) => nodes.typeOf(row) as never },
      Query: {
        node: (_parent, { id }, context) => nodes.load(id, 'id', context),
        nodes: (_parent, { ids }, context) => nodes.loadAll(ids, context),
      },
    },
  });

export interface ApiOptions {
  /** Whether an error of a mutation that its `@errors` does not declare is a defect. Default: `refuse`. */
  readonly undeclaredErrors?: 'refuse' | 'pass';
  /** Of documents for the schema, which its descriptions say. */
  readonly limits?: DocumentLimits;
  /** Whether the API is a subgraph of a federation. Default: it is not. */
  readonly federation?: boolean;
}

/**
 * Builds the API of `modules`.
 *
 * @throws UnguardedSchemaError when a field has no guard; GraphQLError when SDL cannot be parsed; Error when modules
 * contradict each other
 */
export function buildApi(
  modules: readonly Module[],
  { undeclaredErrors = 'refuse', limits = DEFAULT_DOCUMENT_LIMITS, federation = false }: ApiOptions = {},
): Api {
  const nodes = new NodeReader();
  const hasNodes = modules.some(({ typeDefs }) => IMPLEMENTS_NODE.test(typeDefs));
  const own = hasNodes ? [kernel, nodeModule(nodes)] : [kernel];
  if (federation) own.push(federationModule(nodes, () => api.roleSchemas));
  const ownDefinitions = definitionsOf(own);
  const moduleDefinitions = definitionsOf(modules);
  const used = columnTypes([...ownDefinitions, ...moduleDefinitions]);
  const installed = [...own, ...used, ...modules];
  const roles = new RoleMatrix(installed.map((module) => module.permissions ?? {}));
  const definitions = [...ownDefinitions, ...definitionsOf(used), ...moduleDefinitions];
  refuseRedefinitions(definitions);
  const { document, undescribed } = describedDocument(withSubscriptionType(definitions), roles, limits);
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
    // Otherwise the whole schema is copied.
    updateResolversInPlace: true,
  });
  countOnDemand(schema);
  limitPages(schema);
  keepOwnDescriptions(schema);
  const guards = readGuards(schema, roles.permissions);
  const inputGuards = readInputGuards(schema, roles.permissions);
  const dataRules: DataRules = collect(installed, 'rules', 'have a rule for');
  const fieldsWithRules = new Set(Object.keys(dataRules));
  const { permissions } = roles;
  const declared = collect(installed, 'nodes', 'say how to read');
  nodes.begin({ schema, guards, permissions, fieldsWithRules, declared });
  refuseTenantsElsewhere(schema);
  encodeIds(schema);
  keepScales(schema);
  guardSchema(schema, { guards, inputGuards }, dataRules);
  decodeIds(schema, guards);
  keepDeclaredErrors(schema, undeclaredErrors);
  limitDocuments(schema, limits);
  const api: Api = {
    schema,
    roles,
    guards,
    inputGuards,
    roleSchemas: new RoleSchemas({ schema, guards, inputGuards }),
    recorded: new RecordedColumns({
      schema,
      guards,
      permissions,
      fieldsWithRules,
      declared: collect(installed, 'audit', 'say what the audit log has of'),
    }),
    nodes,
    lookAhead: new LookAhead(childLists(installed.map(({ resolvers }) => resolvers)), {
      guards,
      inputGuards,
      fieldsWithRules,
    }),
    guestMutations: guestMutations(schema),
    undescribed,
  };
  return api;
}

const IMPLEMENTS_NODE = /\bimplements\b[^{@]*\bNode\b/;

/**
 * The kernel's types for columns and filters that the modules use. Others are left out, so the contract has no unused
 * types.
 */
function columnTypes(using: readonly DefinitionNode[]): Module[] {
  const used = usedDefinitions(readSchema(import.meta.url, 'scalars.graphql'), using);
  if (used.names.length === 0) return [];
  const resolvers = Object.fromEntries(
    Object.entries(SCALARS).filter(([name]) => used.names.includes(name)),
  ) as Resolvers;
  return [defineModule({ name: 'column types', typeDefs: used.sdl, resolvers })];
}

/** Replaces what packages say of their scalars by our SDL, so that introspection and the printed schema agree. */
export function keepOwnDescriptions(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isScalarType(type) || !type.astNode) continue;
    type.description = type.astNode.description?.value ?? type.description;
    const [specified] = usesOf(type, 'specifiedBy');
    if (typeof specified?.['url'] === 'string') type.specifiedByURL = specified['url'];
  }
}

/** @throws GraphQLError when the SDL of a module cannot be parsed */
const definitionsOf = (modules: readonly Module[]): DefinitionNode[] =>
  modules.flatMap(({ typeDefs }) => parse(typeDefs).definitions);

/** Makes `totalCount` count the rows only when it is selected. */
function countOnDemand(schema: GraphQLSchema): void {
  for (const type of objectTypes(schema)) {
    const { totalCount, pageInfo } = type.getFields();
    if (totalCount && pageInfo) {
      totalCount.resolve ??= (connection: Connection<unknown>) => connection.totalCount();
    }
  }
}

/** Limits the rows of every page to those of the tenant's plan, before the field is resolved. */
function limitPages(schema: GraphQLSchema): void {
  for (const type of objectTypes(schema)) {
    for (const field of Object.values(type.getFields())) {
      const { resolve } = field;
      if (!resolve || !field.args.some(({ name }) => name === 'first' || name === 'last')) continue;
      field.resolve = (parent, args: PageArguments, context: RequestContext, info): unknown => {
        refuseLargePage(args, context.viewer.plan.mostRowsPerPage);
        return resolve(parent, args, context, info);
      };
    }
  }
}

/**
 * Adds the type Subscription when a module extends it: the kernel has no subscription fields, and a type without fields
 * is invalid.
 */
function withSubscriptionType(definitions: readonly DefinitionNode[]): readonly DefinitionNode[] {
  const has = (kind: Kind.OBJECT_TYPE_DEFINITION | Kind.OBJECT_TYPE_EXTENSION) =>
    definitions.some((definition) => definition.kind === kind && definition.name.value === 'Subscription');
  return has(Kind.OBJECT_TYPE_EXTENSION) && !has(Kind.OBJECT_TYPE_DEFINITION)
    ? [...definitions, ...parse('type Subscription').definitions]
    : definitions;
}

/** @throws Error when two modules define the same entry */
function collect<Key extends 'rules' | 'audit' | 'nodes'>(
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
