import process from 'node:process';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { Command, Option } from 'commander';
import { ROLES, type Role } from '../kernel/vocabulary/permissions.js';
import { schemaFor } from '../kernel/access/role-schema.js';
import { buildApi } from '../kernel/graphql/schema.js';
import { modules } from '../modules.js';

/** `tenantry schema [--role viewer]` prints the SDL of the installed modules, or the part of it that a role may use. */
export const schemaCommand = (): Command =>
  new Command('schema')
    .addOption(new Option('--role <role>', 'only what this role may use').choices(ROLES))
    .action(({ role }: { role?: Role }) => {
      const api = buildApi(modules);
      const schema = role === undefined ? api.schema : schemaFor(api, api.roles.of(role));
      process.stdout.write(`${printSchemaWithDirectives(schema)}\n`);
    });
