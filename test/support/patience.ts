import type { TransactionLimits } from '../../src/kernel/tenancy/tenant-client.js';

/** Limits that a slow machine does not reach. Tests of the limits, and of a database that is away, have others. */
export const PATIENT: TransactionLimits = { maxWait: 30_000, timeout: 60_000, statementTimeout: 30_000 };
