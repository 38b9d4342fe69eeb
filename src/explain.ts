import process from 'node:process';
import { ModuleError } from './cli/module/module-error.js';
import { ConfigError } from './kernel/config/config-error.js';
import { UnguardedSchemaError } from './kernel/access/guards.js';
import { TenantLifeError } from './services/lifecycle/life-error.js';
import { TrustedDocumentsError } from './services/documents/trusted-documents.js';
import { MigrationError } from './kernel/database/migration/migrations.js';
import { PublicError, publicError } from './kernel/vocabulary/errors.js';

/** Errors of packages that may not be installed, by name: importing the classes would require the packages. */
const EXPECTED_OF_PACKAGES = new Set(['AuditConnectionError', 'EmbeddedDatabaseError', 'TenantizeError']);

/** The text that the terminal shows for a failure: the message of an expected error, the stack of a defect. */
export function explain(error: unknown): string {
  const expected = [
    ConfigError,
    ModuleError,
    UnguardedSchemaError,
    TrustedDocumentsError,
    MigrationError,
    PublicError,
    TenantLifeError,
  ];
  if (!(error instanceof Error)) return String(error);
  if (expected.some((kind) => error instanceof kind) || EXPECTED_OF_PACKAGES.has(error.name)) {
    return error.message;
  }
  if (publicError(error)?.code === 'UNAVAILABLE' && !('syscall' in error && error.syscall === 'listen')) {
    return `The connection to the database was lost (${error.message}): try again.`;
  }
  if ('code' in error && error.code === 'EADDRINUSE') {
    const port = 'port' in error ? String(error.port) : '';
    const variable = port === process.env['METRICS_PORT'] ? 'METRICS_PORT' : 'PORT';
    return `Port ${port} is in use: stop the other program, or set ${variable} to a free one.`;
  }
  if ('code' in error && error.code === 'EACCES' && 'syscall' in error && error.syscall === 'listen') {
    return 'This user may not listen on that port: set PORT to one above 1023.';
  }
  return error.stack ?? error.message;
}
