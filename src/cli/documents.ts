import process from 'node:process';
import { Command } from 'commander';
import { readDocumentLimits } from '../kernel/config/environment.js';
import { readTrustedDocuments } from '../services/documents/trusted-documents.js';
import { buildApi } from '../kernel/graphql/schema.js';
import { modules } from '../modules.js';

/**
 * `tenantry documents PATH` checks trusted documents like the start of the server, and prints a map of ids to
 * documents.
 */
export const documentsCommand = (): Command =>
  new Command('documents')
    .argument('<path>', 'a manifest or a folder, as for TRUSTED_DOCUMENTS')
    .action((path: string) => {
      const { schema } = buildApi(modules, { limits: readDocumentLimits() });
      const documents = readTrustedDocuments(path, schema);
      const textById = Object.fromEntries(documents.map(({ id, text }) => [id, text]));
      process.stdout.write(`${JSON.stringify(textById, null, 2)}\n`);
    });
