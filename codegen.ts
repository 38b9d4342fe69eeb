/**
 * Generates code from schema.graphql for `npm run generate`: the types of the resolvers, and the example's clients. No
 * type is listed here by name. The TypeScript type of a schema's type follows from names:
 *
 * - a type with the name of a Prisma model is the model's row;
 * - `XConnection` is a connection of the TypeScript type of `X`;
 * - for a type, an enum or a scalar `X`, a file `*.mappers.ts` in src may export the type as `XMapper`.
 *
 * All other types are as in the schema.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { CodegenConfig } from '@graphql-codegen/cli';
import { buildSchema, isEnumType, isInterfaceType, isObjectType, isScalarType } from 'graphql';
import { MODELS } from './src/generated/data-model/index.js';

const SCHEMA = 'schema.graphql';
/** What the dashboard leaves out of its documents for a caller without the permission (packages/dashboard/src/session/trim.ts). */
const needs = (permission: string): string =>
  `directive @needs(permission: ${permission}!) on FIELD | QUERY | MUTATION | SUBSCRIPTION`;
/** The path from the folder of the generated file. */
const ROWS = './prisma/client.js';
const CONNECTION = '../kernel/graphql/connection.js#Connection';

const types = Object.values(
  buildSchema(readFileSync(SCHEMA, 'utf8'), { assumeValidSDL: true }).getTypeMap(),
).filter(({ name }) => !name.startsWith('__'));
const declared = declaredMappers();

/** The mappers in modules' files, by the name of the type in the schema. */
function declaredMappers(): Map<string, string> {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.mappers.ts'))
    .sort();
  const found = files.flatMap((file) =>
    [...readFileSync(`src/${file}`, 'utf8').matchAll(/\b(\w+)Mapper\b(?! as )/g)].map(
      ([mapper, name]) => [name!, `../${file.replace(/\.ts$/, '.js')}#${mapper}`] as const,
    ),
  );
  return new Map(found);
}

const rowOf = (name: string): string | undefined => (Object.hasOwn(MODELS, name) ? `${name}Row` : undefined);

function mapperOf(name: string): string | undefined {
  const row = rowOf(name);
  if (declared.has(name)) return declared.get(name);
  if (row !== undefined) return `${ROWS}#${name} as ${row}`;
  const node = rowOf(name.replace(/Connection$/, ''));
  return node === undefined ? undefined : `${CONNECTION}<${node}>`;
}

const mapped = (of: (name: string) => string | undefined, names: readonly string[]) =>
  Object.fromEntries(
    names.flatMap((name) => {
      const mapper = of(name);
      return mapper === undefined ? [] : [[name, mapper]];
    }),
  );

const pageDocuments = (
  schema: string,
  permission: string,
  documents: string[],
): CodegenConfig['generates'][string] => ({
  schema: [schema, needs(permission)],
  preset: 'client',
  documents,
  presetConfig: { fragmentMasking: false },
  config: {
    documentMode: 'string',
    useTypeImports: true,
    strictScalars: true,
    enumsAsTypes: true,
    skipTypeNameForRoot: true,
    emitLegacyCommonJSImports: false,
    // A part that the caller may not use is left out of the document.
    maybeValue: 'T | null | undefined',
    scalars: {
      DateTime: 'string',
      JSONObject: 'Record<string, unknown>',
      Date: 'string',
      BigInt: 'string',
      Decimal: 'string',
      JSON: 'unknown',
      UUID: 'string',
    },
  },
});

const config: CodegenConfig = {
  generates: {
    'src/generated/graphql.d.ts': {
      schema: SCHEMA,
      plugins: ['typescript', 'typescript-resolvers'],
      config: {
        useTypeImports: true,
        strictScalars: true,
        enumsAsTypes: true,
        emitLegacyCommonJSImports: false,
        contextType: '../kernel/graphql/request-context.js#RequestContext',
        maybeValue: 'T | null | undefined',
        scalars: {
          ID: 'string',
          DateTime: 'Date',
          JSONObject: 'Record<string, unknown>',
          Date: 'Date',
          BigInt: 'bigint',
          Decimal: '@prisma/client/runtime/client#Decimal',
          JSON: 'unknown',
          UUID: 'string',
          ...mapped(
            (name) => declared.get(name),
            types.filter(isScalarType).map(({ name }) => name),
          ),
        },
        enumValues: mapped(
          (name) => declared.get(name),
          types.filter(isEnumType).map(({ name }) => name),
        ),
        mappers: mapped(
          mapperOf,
          types.filter((type) => isObjectType(type) || isInterfaceType(type)).map(({ name }) => name),
        ),
      },
    },
    // The operators' door has a schema of its own.
    'src/generated/operator-graphql.d.ts': {
      schema: 'operator.graphql',
      plugins: ['typescript', 'typescript-resolvers'],
      config: {
        useTypeImports: true,
        strictScalars: true,
        enumsAsTypes: true,
        emitLegacyCommonJSImports: false,
        contextType: '../services/operator/operator-context.js#OperatorContext',
        maybeValue: 'T | null | undefined',
        scalars: { ID: 'string', DateTime: 'Date', JSONObject: 'Record<string, unknown>' },
        enumValues: {
          TenantStatus: '../kernel/vocabulary/tenant-status.js#TenantStatus',
          JobState: '../kernel/vocabulary/job.js#JobState',
          OrderDirection: '../kernel/graphql/connection.js#OrderDirection',
          Role: '../kernel/vocabulary/permissions.js#Role',
          TenantExportStatus: '../services/operator/exports.js#ExportStatus',
          TenantErasureState: '../services/operator/erasures.js#ErasureState',
          TopTenantOrder: '../services/operator/tenant-usage.js#TopOrder',
          UsagePeriod: '../services/operator/tenant-usage.js#Period',
        },
        mappers: {
          Operator: '../services/operator/operator-context.js#Operator',
          Tenant: '../services/operator/tenants.js#TenantRow',
          Impersonation: '../services/operator/impersonations.js#ImpersonationRow',
          ListedTenant: '../services/operator/tenant-list.js#ListedTenant',
          ListedTenantConnection: '../services/operator/tenant-list.js#TenantConnection',
          Job: '../services/operator/jobs.js#JobRow',
          TenantExport: '../services/operator/exports.js#ExportRow',
          TenantErasure: '../services/operator/erasures.js#ErasureRow',
        },
      },
    },
    // The documents of the dashboard and of the operators' console, with the types of their answers.
    'packages/dashboard/src/generated/': pageDocuments(SCHEMA, 'Permission', [
      'packages/dashboard/src/**/*.graphql',
      '!packages/dashboard/src/operators/**',
    ]),
    'packages/dashboard/src/operators/generated/': pageDocuments('operator.graphql', 'OperatorPermission', [
      'packages/dashboard/src/operators/**/*.graphql',
    ]),
    // Code for the example's clients, as a frontend team would generate it.
    ...(existsSync('test/example/clients') && {
      'test/example/clients/generated/': {
        schema: 'schema.graphql',
        preset: 'client',
        documents: 'test/example/clients/operations.graphql',
        presetConfig: { fragmentMasking: false },
        config: {
          useTypeImports: true,
          strictScalars: true,
          enumsAsTypes: true,
          nonOptionalTypename: true,
          skipTypeNameForRoot: true,
          emitLegacyCommonJSImports: false,
          scalars: {
            DateTime: 'string',
            JSONObject: 'Record<string, unknown>',
            Date: 'string',
            BigInt: 'string',
            Decimal: 'string',
            JSON: 'unknown',
            UUID: 'string',
          },
        },
      },
    }),
  },
};

export default config;
