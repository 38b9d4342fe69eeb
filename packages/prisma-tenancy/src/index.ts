/** A Prisma client extension for PostgreSQL row-level security. */
export { tenancy, NoTenantError, type TenancyExtension, type TenancyMethods } from './tenancy.js';
export { endingTransactions } from './ending-transactions.js';
export type {
  Binding,
  TenancyOptions,
  TransactionCourse,
  TransactionLimits,
  TransactionOptions,
} from './options.js';
export type { TenantClient, TenantTransaction } from './tenant-client.js';
export { SecondConnectionError } from './open-transactions.js';
