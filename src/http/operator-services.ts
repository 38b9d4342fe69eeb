import type { GraphQLSchema } from 'graphql';
import type { VerifyToken } from '../kernel/auth/verify-token.js';
import type { SealKeys } from '../services/audit-trail/seal-keys.js';
import type { DocumentReader } from '../services/documents/document-reader.js';
import type { OperatorPool } from '../services/operator/operator-pool.js';
import type { Login } from './login.js';
import type { OperatorCells } from '../services/operator/operator-cells.js';

/** The parts of the server that the operators' door uses, and nothing else. */
export interface OperatorServices {
  readonly verifyToken: VerifyToken;
  readonly schema: GraphQLSchema;
  readonly reader: DocumentReader;
  /** The connections to the default cell. */
  readonly pool: OperatorPool;
  /** Where operators log in to their console; undefined when that is not set up. */
  readonly login: (() => Promise<Login>) | undefined;
  /** The client of an operator for one request, in all cells. */
  readonly forOperator: (operator: string, requestId: string) => OperatorCells;
  close(): Promise<void>;
  readonly sealKeys: SealKeys | undefined;
  /** Days from the request of an erasure to its execution. */
  readonly erasureDays: number;
  /** Of one operator. */
  readonly requestsPerMinute: number;
}
