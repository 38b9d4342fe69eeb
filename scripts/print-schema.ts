/** Writes schema.graphql, the contract, from the SDL of the installed modules. */
import { writeFileSync } from 'node:fs';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { buildApi } from '../src/kernel/graphql/schema.js';
import { modules } from '../src/modules.js';

writeFileSync(
  new URL('../schema.graphql', import.meta.url),
  `# Generated from the modules' SDL by \`npm run generate\`. Do not edit.\n\n${printSchemaWithDirectives(buildApi(modules).schema)}\n`,
);
