/** The commands of `tenantry`, in the order of its help. Only the named command is loaded. */
import type { Command } from 'commander';

interface CommandEntry {
  readonly description: string;
  readonly load: () => Promise<Command>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  token: {
    description:
      'Print a token for a member of a tenant, or an operator, valid for twelve hours (needs JWT_SECRET, or development)',
    load: async () => (await import('./token.js')).tokenCommand(),
  },
  seed: {
    description: 'Create the demo tenants that are missing (never in production)',
    load: async () => (await import('./seed.js')).seedCommand(),
  },
  migrate: {
    description:
      'Create the missing roles and apply the missing migrations (needs DATABASE_OWNER_URL, or `npm start`)',
    load: async () => (await import('./migrate.js')).migrateCommand(),
  },
  migration: {
    description: 'Work on migrations',
    load: async () => (await import('./migrate.js')).migrationCommand(),
  },
  module: {
    description: 'Work on modules of the API, in a checkout',
    load: async () => (await import('./module.js')).moduleCommand(),
  },
  'context-key': {
    description: 'Work on the keys that contexts are signed with (needs DATABASE_OWNER_URL, or `npm start`)',
    load: async () => (await import('./context-key.js')).contextKeyCommand(),
  },
  console: {
    description: 'Evaluate JavaScript with the tenant-bound client of a member (never in production)',
    load: async () => (await import('./console.js')).consoleCommand(),
  },
  schema: {
    description: 'Print the GraphQL schema, say who uses what of it, and check changes of it',
    load: async () => (await import('./schema.js')).schemaCommand(),
  },
  documents: {
    description: 'Check trusted documents against the schema, and print them by their ids',
    load: async () => (await import('./documents.js')).documentsCommand(),
  },
  tenant: {
    description: 'Work on tenants, as an operator (needs DATABASE_OPERATOR_URL, or `npm start`)',
    load: async () => (await import('./tenant.js')).tenantCommand(),
  },
  cell: {
    description: 'Work on the databases beside the default one, as an operator (needs CELL_<NAME>_URL)',
    load: async () => (await import('./cell.js')).cellCommand(),
  },
  directory: {
    description: 'Work on the directory of the tenants in other cells, as an operator',
    load: async () => (await import('./directory.js')).directoryCommand(),
  },
  'audit-log': {
    description: 'Verify and export the sealed audit log, as an operator (needs DATABASE_OPERATOR_URL)',
    load: async () => (await import('./audit-log.js')).auditLogCommand(),
  },
  jobs: {
    description: 'Look at the jobs of a tenant, and retry or cancel them, as an operator',
    load: async () => (await import('./jobs.js')).jobsCommand(),
  },
  worker: {
    description: 'Run the jobs of all tenants, until it is told to stop',
    load: async () => (await import('./worker.js')).workerCommand(),
  },
  tenantize: {
    description: 'Write the migrations that make existing tables tenant-scoped while they are in use',
    load: async () => (await import('./tenantize.js')).tenantizeCommand(),
  },
  audit: {
    description: 'Look for defects of tenant isolation in a live PostgreSQL; a read-only login is enough',
    load: async () => (await import('./audit.js')).auditCommand(),
  },
  completion: {
    description: 'Print what makes bash, zsh or fish complete this command',
    load: async () => (await import('./completion.js')).completionCommand(COMMANDS),
  },
};
