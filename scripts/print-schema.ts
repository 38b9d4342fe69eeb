/** Writes schema.graphql and operator.graphql, the contracts, from the SDL of the installed modules and of the operators' door. */
import { writeFileSync } from 'node:fs';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import type { GraphQLSchema } from 'graphql';
import { buildApi } from '../src/kernel/graphql/schema.js';
import { modules } from '../src/modules.js';
import { buildOperatorSchema } from '../src/services/operator/operator-schema.js';

function write(file: string, from: string, schema: GraphQLSchema): void {
  writeFileSync(
    new URL(`../${file}`, import.meta.url),
    `# Generated from ${from} by \`npm run generate\`. Do not edit.\n\n${printSchemaWithDirectives(schema)}\n`,
  );
}

write('schema.graphql', "the modules' SDL", buildApi(modules).schema);
write('operator.graphql', 'src/services/operator/operator.graphql', buildOperatorSchema());
