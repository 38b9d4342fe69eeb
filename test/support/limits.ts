import type { TransactionLimits } from '../../src/kernel/tenancy/tenant-client.js';

/**
 * Limits that a slow machine does not reach, for tests of anything but limits. Tests of limits take those of a running
 * server, or their own.
 */
export const PATIENT: TransactionLimits = { maxWait: 45_000, timeout: 45_000, statementTimeout: 45_000 };
