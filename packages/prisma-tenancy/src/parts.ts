/** The parts of the extension, for code that makes its own bound clients with `createTenancy`. */
export { createTenancy, type TenancyExtension } from './tenancy.js';
export { BoundSurface, READS, WRITES, type OfferedModel, type Runner } from './bound-surface.js';
export type { BoundTransactions, BoundTransactionOptions } from './bound-transactions.js';
export { endForEverybody } from './ending-transactions.js';
export { OpenTransactions, SecondConnectionError, type OpenTransaction } from './open-transactions.js';
export { ModelOperation, type Operation, type Runnable, type TransactionClient } from './operation.js';
export type { Binding, TransactionCourse } from './options.js';
export { ReadBatch, type ReadObserver, type ReadSource } from './read-batch.js';
export { retry } from './retry.js';
