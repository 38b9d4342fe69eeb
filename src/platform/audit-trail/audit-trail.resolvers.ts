import { FormatError, HEAD, headJson, sealOf, type Seal, type SealedEntry } from 'tenantry-verify';
import type { GraphQLResolveInfo } from 'graphql';
import { z } from 'zod';
import type { Resolvers } from '../../generated/graphql.js';
import { optional, parseInput, text } from '../../kernel/graphql/input.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import { PublicError, badInput } from '../../kernel/vocabulary/errors.js';
import { visibleColumns } from '../audit-log/audit-log.resolvers.js';

const NO_CONTROL = /^[^\p{Cc}]*$/u;
const MOST_IDS = 1_000;

const redaction = z
  .object({
    entryIds: optional(z.array(z.string()).min(1).max(MOST_IDS)),
    deleteActors: optional(z.boolean()),
    userId: optional(text(1, 255).regex(NO_CONTROL, 'must not have control characters')),
    reason: text(1, 500).regex(NO_CONTROL, 'must be one line').regex(/\S/, 'must not be blank'),
  })
  .refine(
    ({ entryIds, userId }) => entryIds !== undefined || userId !== undefined,
    'must name entries or a user',
  );

export const resolvers: Resolvers = {
  AuditDefect: {
    CHANGED: 'changed',
    REMOVED: 'removed',
    INSERTED: 'inserted',
    REARRANGED: 'rearranged',
    CUT: 'cut',
    UNRECORDED: 'unrecorded',
    RESEALED: 'resealed',
  },
  AuditExportFormat: { NDJSON: 'ndjson', CSV: 'csv' },
  AuditEntry: {
    proof: async ({ id }, _args, context, info) => {
      const { loaders, auditTrail, db } = context;
      const proof = await loaders.load('AuditEntry.proof', id, (ids) =>
        auditTrail.prove(db.context, ids, (entry, path) => isShown(entry, path, context, info)),
      );
      return proof ? { ...proof } : null;
    },
  },
  Query: {
    auditVerification: async (_parent, { head }, { auditTrail, db }) => {
      const found = await auditTrail.verify(db.context, givenHead(head, db.context.tenantId));
      if (!found) return { entries: 0, pending: 0, redacted: 0, dropped: 0 };
      return {
        sealedThrough: found.head ? new Date(found.head.sealedAt) : null,
        entries: found.entries,
        pending: found.pending,
        redacted: found.redacted,
        dropped: found.dropped,
        head: found.head ? headJson(found.head) : null,
        intact: found.intact,
        firstBroken: found.broken && {
          entryId: found.broken.entryId,
          reason: found.broken.defect,
          explanation: found.broken.explanation,
        },
      };
    },
  },
  Mutation: {
    redactAuditEntries: async (_parent, { input }, { auditTrail, db }) => {
      const { redacted, remain } = await auditTrail.redact(db, parseInput(redaction, input));
      return { redacted, hasMore: remain };
    },
    exportAuditLog: async (_parent, { input }, { auditTrail, db }) => {
      const link = await auditTrail.linkExport(db, input.format ?? 'ndjson');
      if (!link) throw new PublicError('UNAVAILABLE', 'This server does not seal the audit log.');
      return link;
    },
  },
};

/** @throws BAD_USER_INPUT unless it is a head of this tenant */
function givenHead(head: Record<string, unknown> | null | undefined, tenantId: string): Seal | undefined {
  if (head == null) return undefined;
  try {
    const seal = sealOf(head);
    if (head['format'] === HEAD && seal.tenant === tenantId) return seal;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  throw badInput('The head is not one of this tenant: give it as `auditVerification` has answered it.');
}

/** Whether the caller may read the value with this path: `actor`, or `new."email"`, a column of the row. */
function isShown(
  entry: SealedEntry,
  path: string,
  context: RequestContext,
  info: GraphQLResolveInfo,
): boolean {
  if (path === 'actor') return true;
  const quoted = /^(?:old|new)\.(".*")$/su.exec(path)?.[1];
  if (quoted === undefined) return false;
  const column = JSON.parse(quoted) as string;
  const visible = visibleColumns(entry, { [column]: null }, context, info);
  return visible !== null && Object.keys(visible).length > 0;
}
