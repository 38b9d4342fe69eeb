/**
 * Links to archives of tenants. A link says which archive it is for, for whom it was made, and until when, and is signed with
 * the key of the seals: no server has to remember it. It is not enough to have it: see http/tenant-exports.ts.
 */
import { sign } from 'node:crypto';
import { z } from 'zod';
import type { SealKeys } from '../audit-trail/seal-keys.js';

export interface DownloadLink {
  readonly tenantId: string;
  readonly exportId: string;
  /** The member who asked for it. */
  readonly userId: string;
  /** In milliseconds since 1970. */
  readonly expires: number;
}

const link = z.strictObject({
  tenantId: z.uuid(),
  exportId: z.uuid(),
  userId: z.string(),
  expires: z.int(),
});

/** The path under which links are opened. */
export const DOWNLOAD_PATH = '/tenant-exports/download';

/** How long a link can be opened: a download of several GB may be continued several times. */
export const LINK_MS = 60 * 60_000;

/** How far the clock of the server that has made a link may be ahead. */
const AHEAD_MS = 60_000;

const DOMAIN = 'tenantry.export.link.v1\n';

/** The link, relative to the address of the server. */
export function downloadUrl(content: DownloadLink, keys: SealKeys): string {
  const text = JSON.stringify(content);
  const signature = sign(null, Buffer.from(DOMAIN + text), keys.signing);
  const parts = [keys.id, Buffer.from(text).toString('base64url'), signature.toString('base64url')];
  return `${DOWNLOAD_PATH}?link=${parts.join('.')}`;
}

/**
 * Former keys count, so that links of servers that do not have the new key yet can be opened.
 *
 * @returns undefined unless a trusted key has signed the link, it has not expired, and it is one that expires as soon as
 * links do
 */
export function readDownloadLink(token: string, keys: SealKeys, now = Date.now()): DownloadLink | undefined {
  const [key, text, signature, ...others] = token.split('.');
  if (key === undefined || text === undefined || signature === undefined || others.length > 0) {
    return undefined;
  }
  const content = Buffer.from(text, 'base64url').toString();
  const bytes = Buffer.from(DOMAIN + content);
  if (!keys.trusted.hasSignedBytes(key, bytes, Buffer.from(signature, 'base64url'))) return undefined;
  const { data: read } = link.safeParse(JSON.parse(content));
  if (!read || read.expires <= now) return undefined;
  return read.expires <= now + LINK_MS + AHEAD_MS ? read : undefined;
}
