/**
 * Finds the document of a request, which contains the text or an id: of a trusted document, or of one that a client of
 * its tenant registered. With trusted documents only, this file returns no other text.
 */
import { PublicError } from '../../kernel/vocabulary/errors.js';
import { RegisteredDocuments } from './registered-documents.js';
import { namesOf, sha256, type TrustedDocument } from './trusted-documents.js';

/** The parts of a GraphQL request that identify its document, unchecked. */
export interface DocumentRequest {
  readonly query?: unknown;
  /** GraphQL over HTTP, appendix A. */
  readonly documentId?: unknown;
  /** `{ persistedQuery: { version: 1, sha256Hash } }`, sent by Apollo's clients. */
  readonly extensions?: unknown;
}

export class Documents {
  private readonly trusted: ReadonlyMap<string, string>;
  private readonly registered = new RegisteredDocuments();

  /** @param trustedOnly accept only trusted documents */
  constructor(
    trusted: readonly TrustedDocument[],
    private readonly trustedOnly: boolean,
  ) {
    this.trusted = new Map(
      trusted.flatMap((document) => namesOf(document).map((name) => [name, document.text])),
    );
  }

  /**
   * The text of the request's document; undefined when the request has neither text nor id. It is not validated yet,
   * also when it is a registered one.
   *
   * @param tenantId undefined for a caller without a tenant, who cannot register documents
   * @throws PERSISTED_QUERY_NOT_FOUND, DOCUMENT_NOT_TRUSTED, BAD_REQUEST
   */
  find(request: DocumentRequest, tenantId: string | undefined): string | undefined {
    const text = request.query == null || request.query === '' ? undefined : request.query;
    if (text !== undefined && typeof text !== 'string') throw badRequest('The query must be a string.');
    const hash = persistedHash(request.extensions);
    const id = documentId(request);
    if (id === undefined && hash === undefined) return text === undefined ? undefined : this.admit(text);
    if (id !== undefined && (hash !== undefined || text !== undefined)) {
      throw badRequest('Name the document once: by its text, its documentId or its persistedQuery.');
    }
    if (text === undefined) return this.named(id ?? hash ?? '', tenantId);
    if (hash !== sha256(text)) throw badRequest('The sha256Hash is not the SHA-256 of the query.');
    const admitted = this.admit(text);
    if (!this.trustedOnly && tenantId !== undefined) this.registered.set(tenantId, hash, admitted);
    return admitted;
  }

  private admit(text: string): string {
    if (!this.trustedOnly || this.trusted.get(sha256(text)) === text) return text;
    throw new PublicError('DOCUMENT_NOT_TRUSTED', 'This server answers trusted documents only.');
  }

  private named(id: string, tenantId: string | undefined): string {
    const name = id.replace(/^sha256:/, '');
    const registered = tenantId === undefined ? undefined : this.registered.get(tenantId, name);
    const text = this.trusted.get(id) ?? this.trusted.get(name) ?? registered;
    // Apollo's clients recognise this message, and then register the document.
    if (text === undefined) throw new PublicError('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound');
    return text;
  }
}

const badRequest = (message: string) => new PublicError('BAD_REQUEST', message);

function documentId({ documentId: id }: DocumentRequest): string | undefined {
  if (id == null) return undefined;
  if (typeof id !== 'string' || id === '') throw badRequest('The documentId must be a string.');
  return id;
}

function persistedHash(extensions: unknown): string | undefined {
  const { persistedQuery } = Object(extensions) as { persistedQuery?: unknown };
  if (persistedQuery == null) return undefined;
  const { version, sha256Hash } = Object(persistedQuery) as { version?: unknown; sha256Hash?: unknown };
  if (version !== 1 || typeof sha256Hash !== 'string' || sha256Hash === '') {
    throw badRequest('A persistedQuery has the version 1 and a sha256Hash.');
  }
  return sha256Hash;
}
