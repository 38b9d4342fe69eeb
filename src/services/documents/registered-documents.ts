import { LRUCache } from 'lru-cache';

const KIB = 1024;

/** The limits of one tenant. A frontend has some hundreds of operations of about a KiB. */
export const TENANT_LIMITS = { documents: 500, bytes: 1024 * KIB };
/** The limit of all tenants together, on this server. */
export const REGISTERED_BYTES = 64 * KIB * KIB;
/** Memory for the hash and the list entry. Each character of the text counts two bytes. */
const BYTES_PER_DOCUMENT = 400;

/**
 * The documents that clients registered by sending them with their hash (automatic persisted queries). Each tenant has
 * its own, so a tenant cannot evict documents of another or find out what others have sent. Evicted documents are
 * registered again at their next use.
 */
export class RegisteredDocuments {
  private readonly ofTenants = new LRUCache<string, LRUCache<string, string>>({
    maxSize: REGISTERED_BYTES,
    // The minimum for a tenant with a few short documents.
    sizeCalculation: ({ calculatedSize }) => calculatedSize + KIB,
  });

  /** The size of the documents of all tenants, in bytes. */
  get keptBytes(): number {
    return this.ofTenants.calculatedSize;
  }

  get(tenantId: string, hash: string): string | undefined {
    return this.ofTenants.get(tenantId)?.get(hash);
  }

  /** @param hash the SHA-256 of `text`, which the caller has verified. */
  set(tenantId: string, hash: string, text: string): void {
    const documents =
      this.ofTenants.get(tenantId) ??
      new LRUCache<string, string>({
        max: TENANT_LIMITS.documents,
        maxSize: TENANT_LIMITS.bytes,
        sizeCalculation: (each) => 2 * each.length + BYTES_PER_DOCUMENT,
      });
    documents.set(hash, text);
    // The cache computes the size again only when the entry is set again.
    this.ofTenants.delete(tenantId);
    this.ofTenants.set(tenantId, documents);
  }
}
