/**
 * Links to exports of the audit log. A link says for whom it was made, of which tenant, and until when, and is signed with
 * the key of the seals: no server has to remember it. It is not enough to have it: see http/audit-exports.ts.
 */
import { sign } from 'node:crypto';
import { z } from 'zod';
import { EXPORT_FORMATS, type ExportFormat } from './export-trail.js';
import type { SealKeys } from './seal-keys.js';

export interface ExportLink {
  readonly tenantId: string;
  /** The member who asked for it. */
  readonly userId: string;
  readonly format: ExportFormat;
  /** In milliseconds since 1970. */
  readonly expires: number;
}

const link = z.strictObject({
  tenantId: z.uuid(),
  userId: z.string(),
  format: z.enum(EXPORT_FORMATS),
  expires: z.int(),
});

/** The path under which links are opened. */
export const EXPORT_PATH = '/audit-log/export';

/** How long a link can be opened. */
export const LINK_MS = 5 * 60_000;

/** How far the clock of the server that has made a link may be ahead. */
const AHEAD_MS = 60_000;

/** The bytes of seals and cuts begin with a zero byte: no signature of a link is one of them. */
const DOMAIN = 'tenantry.audit.link.v1\n';

/** The link, relative to the address of the server. */
export function exportUrl(content: ExportLink, keys: SealKeys): string {
  const text = JSON.stringify(content);
  const signature = sign(null, Buffer.from(DOMAIN + text), keys.signing);
  const parts = [keys.id, Buffer.from(text).toString('base64url'), signature.toString('base64url')];
  return `${EXPORT_PATH}?link=${parts.join('.')}`;
}

/**
 * Former keys count, so that links of servers that do not have the new key yet can be opened.
 *
 * @returns undefined unless a trusted key has signed the link, it has not expired, and it is one that expires as soon as
 * links do
 */
export function readExportLink(token: string, keys: SealKeys, now = Date.now()): ExportLink | undefined {
  const [key, text, signature, ...others] = token.split('.');
  if (key === undefined || text === undefined || signature === undefined || others.length > 0)
    return undefined;
  const content = Buffer.from(text, 'base64url').toString();
  if (!keys.trusted.hasSignedBytes(key, Buffer.from(DOMAIN + content), Buffer.from(signature, 'base64url'))) {
    return undefined;
  }
  const { data: read } = link.safeParse(JSON.parse(content));
  if (!read || read.expires <= now) return undefined;
  return read.expires <= now + LINK_MS + AHEAD_MS ? read : undefined;
}
