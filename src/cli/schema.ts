import process from 'node:process';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { Command } from 'commander';
import { buildApi } from '../graphql/schema.js';
import { modules } from '../modules.js';

/** `tenantry schema` prints the SDL of the installed modules. */
export const schemaCommand = (): Command =>
  new Command('schema').description('Print the GraphQL schema').action(() => {
    process.stdout.write(`${printSchemaWithDirectives(buildApi(modules).schema)}\n`);
  });
