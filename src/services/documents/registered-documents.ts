import { LRUCache } from 'lru-cache';

const KIB = 1024;

/** What one tenant's clients may have registered. A frontend has some hundreds of operations of a KiB or so. */
export const TENANT_LIMITS = { documents: 500, bytes: 1024 * KIB };
/** What all tenants together may have registered, on this server. */
export const REGISTERED_BYTES = 64 * KIB * KIB;
/** Of memory beside the text, whose characters are counted with two bytes: the hash, and the place in the list. */
const BYTES_PER_DOCUMENT = 400;

/**
 * The documents that clients registered by sending them with their hash (automatic persisted queries). Each tenant has
 * its own: one that registers a great many pushes out nobody else's, and cannot find out what others have asked. What
 * was pushed out is registered again when it is next used.
 */
export class RegisteredDocuments {
  private readonly ofTenants = new LRUCache<string, LRUCache<string, string>>({
    maxSize: REGISTERED_BYTES,
    // A tenant with a few short documents is not free either.
    sizeCalculation: ({ calculatedSize }) => calculatedSize + KIB,
  });

  /** What is kept of all tenants, in bytes. */
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
    // Its size is taken anew only when it is put in anew.
    this.ofTenants.delete(tenantId);
    this.ofTenants.set(tenantId, documents);
  }
}
