/** Makes the requests of a workload, each with the token of another tenant. */
import jwt from 'jsonwebtoken';
import { email, OWNER, SIZES, tenantId, userId, VIEWER, type SizeName } from './dataset.js';
import type { LoadRequest } from './load.js';
import type { ContestantName } from './contestants.js';
import type { Workload } from './workloads.js';

const ONE_DAY_SECONDS = 86_400;

/** A prime that does not divide a number of tenants, so multiples of it reach every tenant once. */
const STRIDE = 7_919;

/** One request of this workload for each tenant, in the form that this contestant takes. */
export function requestsOf(
  workload: Workload,
  contestant: ContestantName,
  size: SizeName,
  secret: string,
): LoadRequest[] {
  const query = workload.documents[contestant];
  const member = workload.caller === 'owner' ? OWNER : VIEWER;
  return Array.from({ length: SIZES[size].tenants }, (_, index) => {
    // Visits the tenants in another order than the one in which their rows are stored.
    const t = 1 + ((index * STRIDE) % SIZES[size].tenants);
    // Each schema has its own variables. Only the recipe reads the role from the token.
    const variables = workload.writes && {
      variables: {
        body: `Written by ${contestant.padEnd(12)}: the customer asks for the invoice of last month.`,
        subject: 'Invoice',
        ...(contestant === 'postgraphile' && { userId: userId(t, member) }),
      },
    };
    const claims = { email: email(t, member), tenant_id: tenantId(t), role: workload.caller };
    const token = jwt.sign(claims, secret, {
      algorithm: 'HS256',
      subject: userId(t, member),
      issuer: 'tenantry',
      audience: 'tenantry',
      expiresIn: ONE_DAY_SECONDS,
    });
    return { token, body: JSON.stringify({ operationName: workload.name, query, ...variables }) };
  });
}
