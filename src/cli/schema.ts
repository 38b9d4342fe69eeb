import process from 'node:process';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { Command, Option } from 'commander';
import { ROLES, type Role } from '../kernel/vocabulary/permissions.js';
import { schemaFor } from '../kernel/access/role-schema.js';
import { readDocumentLimits } from '../kernel/config/environment.js';
import { subgraphSdl } from '../kernel/graphql/federation.js';
import { buildApi } from '../kernel/graphql/schema.js';
import { modules } from '../modules.js';

/**
 * `tenantry schema [--role viewer] [--subgraph]` prints the SDL of the installed modules, or the part of it that a role may
 * use; as it is composed into a supergraph with `--subgraph`.
 */
export const schemaCommand = (): Command =>
  new Command('schema')
    .addOption(new Option('--role <role>', 'only what this role may use').choices(ROLES))
    .option('--subgraph', 'as a subgraph of Apollo Federation')
    .action(({ role, subgraph = false }: { role?: Role; subgraph?: boolean }) => {
      const api = buildApi(modules, { limits: readDocumentLimits() });
      const schema = role === undefined ? api.schema : schemaFor(api, api.roles.of(role));
      process.stdout.write(subgraph ? subgraphSdl(schema) : `${printSchemaWithDirectives(schema)}\n`);
    });
