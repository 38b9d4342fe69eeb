import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';

/** An operation as text, with the types of its variables and of its answer. */
export type Document<Data, Variables> = DocumentTypeDecoration<Data, Variables> & { toString(): string };
