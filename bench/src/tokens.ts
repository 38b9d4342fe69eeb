/** Makes the requests of a workload, each with the token of another tenant. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';
import { email, OWNER, SIZES, tenantId, userId, VIEWER, type SizeName } from './dataset.js';
import type { LoadRequest } from './load.js';
import type { ContestantName } from './contestants.js';
import { BENCH } from './places.js';
import type { Workload } from './workloads.js';

const ONE_DAY_SECONDS = 86_400;

/** A prime that does not divide a number of tenants, so multiples of it reach every tenant once. */
const STRIDE = 7_919;

/** One request of this workload for each tenant and document, in the form that this contestant takes. */
export function requestsOf(
  workload: Workload,
  contestant: ContestantName,
  size: SizeName,
  secret: string,
): LoadRequest[] {
  const documents = workload.documents[contestant] ?? [];
  const member = workload.caller === 'owner' ? OWNER : VIEWER;
  const { tenants } = SIZES[size];
  return Array.from({ length: tenants * documents.length }, (_, index) => {
    // Visits the tenants in another order than the one in which their rows are stored, each time with another document.
    const t = 1 + (((index + Math.floor(index / tenants)) * STRIDE) % tenants);
    // Each schema has its own variables.
    const variables = workload.writes && {
      variables: {
        body: `Written by ${contestant.padEnd(12)}: the customer asks for the invoice of last month.`,
        subject: 'Invoice',
        ...(contestant === 'postgraphile' && { userId: userId(t, member) }),
      },
    };
    const token = tokenOf(t, member, workload.caller, secret);
    const query = documents[index % documents.length]!;
    const named = workload.trusted ? { documentId: hashOf(query) } : { operationName: workload.name, query };
    return { token, body: JSON.stringify({ ...named, ...variables }) };
  });
}

/** The token of a member. Only the recipe reads the role from it. */
export function tokenOf(t: number, member: number, role: string, secret: string): string {
  const claims = { email: email(t, member), tenant_id: tenantId(t), role };
  return jwt.sign(claims, secret, {
    algorithm: 'HS256',
    subject: userId(t, member),
    issuer: 'tenantry',
    audience: 'tenantry',
    expiresIn: ONE_DAY_SECONDS,
  });
}

const hashOf = (document: string): string => createHash('sha256').update(document).digest('hex');

/** Writes the documents that a contestant knows, and returns the variable that names their file. */
export async function trustedDocuments(
  workloads: readonly Workload[],
  contestant: ContestantName,
): Promise<Readonly<Record<string, string>>> {
  const documents = workloads.flatMap((each) => (each.trusted ? (each.documents[contestant] ?? []) : []));
  if (documents.length === 0) return {};
  const file = join(BENCH, `.data/documents-${contestant}.json`);
  const byHash = documents.map((document) => [hashOf(document), document]);
  await writeFile(file, JSON.stringify(Object.fromEntries(byHash)));
  return { TRUSTED_DOCUMENTS: file };
}
