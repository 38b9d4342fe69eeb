import { createHash } from 'node:crypto';
import type { Viewer } from '../../kernel/vocabulary/viewer.js';

/**
 * The UUID of a caller in a tenant. There is no row of which it could be the key, so it is derived from what identifies
 * the caller. Different callers, and one user in different tenants, have different ones.
 */
export const viewerId = ({ tenantId, actor }: Pick<Viewer, 'tenantId' | 'actor'>): string =>
  derivedId(tenantId, actor.type, actor.id);

/** A UUID of version 8 of RFC 9562 that no row has, the same for the same texts. */
export function derivedId(...texts: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(texts)).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x80;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}
