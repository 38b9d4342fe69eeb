/* eslint-disable */
import * as types from './graphql.js';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "fragment ConversationRow on Conversation {\n  id\n  subject\n  version\n}\n\nquery Me {\n  me {\n    role\n    tenant {\n      id\n      slug\n    }\n  }\n}\n\nquery Plan {\n  tenant {\n    id\n    name\n    plan\n  }\n}\n\nquery Conversations($first: Int!, $after: String) {\n  conversations(first: $first, after: $after) {\n    edges {\n      cursor\n      node {\n        ...ConversationRow\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n  }\n}\n\nquery Conversation($id: ID!) {\n  conversation(id: $id) {\n    ...ConversationRow\n  }\n}\n\nmutation CreateConversation($input: CreateConversationInput!) {\n  createConversation(input: $input) {\n    conversation {\n      ...ConversationRow\n    }\n  }\n}\n\nmutation UpdateConversation($input: UpdateConversationInput!) {\n  updateConversation(input: $input) {\n    conversation {\n      ...ConversationRow\n    }\n  }\n}\n\nsubscription ConversationChanged {\n  conversationChanged {\n    kind\n    conversationId\n    conversation {\n      ...ConversationRow\n    }\n  }\n}\n\nquery ErrorCodes {\n  errorCodes\n}": typeof types.ConversationRowFragmentDoc,
};
const documents: Documents = {
    "fragment ConversationRow on Conversation {\n  id\n  subject\n  version\n}\n\nquery Me {\n  me {\n    role\n    tenant {\n      id\n      slug\n    }\n  }\n}\n\nquery Plan {\n  tenant {\n    id\n    name\n    plan\n  }\n}\n\nquery Conversations($first: Int!, $after: String) {\n  conversations(first: $first, after: $after) {\n    edges {\n      cursor\n      node {\n        ...ConversationRow\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n  }\n}\n\nquery Conversation($id: ID!) {\n  conversation(id: $id) {\n    ...ConversationRow\n  }\n}\n\nmutation CreateConversation($input: CreateConversationInput!) {\n  createConversation(input: $input) {\n    conversation {\n      ...ConversationRow\n    }\n  }\n}\n\nmutation UpdateConversation($input: UpdateConversationInput!) {\n  updateConversation(input: $input) {\n    conversation {\n      ...ConversationRow\n    }\n  }\n}\n\nsubscription ConversationChanged {\n  conversationChanged {\n    kind\n    conversationId\n    conversation {\n      ...ConversationRow\n    }\n  }\n}\n\nquery ErrorCodes {\n  errorCodes\n}": types.ConversationRowFragmentDoc,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "fragment ConversationRow on Conversation {\n  id\n  subject\n  version\n}\n\nquery Me {\n  me {\n    role\n    tenant {\n      id\n      slug\n    }\n  }\n}\n\nquery Plan {\n  tenant {\n    id\n    name\n    plan\n  }\n}\n\nquery Conversations($first: Int!, $after: String) {\n  conversations(first: $first, after: $after) {\n    edges {\n      cursor\n      node {\n        ...ConversationRow\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n  }\n}\n\nquery Conversation($id: ID!) {\n  conversation(id: $id) {\n    ...ConversationRow\n  }\n}\n\nmutation CreateConversation($input: CreateConversationInput!) {\n  createConversation(input: $input) {\n    conversation {\n      ...ConversationRow\n    }\n  }\n}\n\nmutation UpdateConversation($input: UpdateConversationInput!) {\n  updateConversation(input: $input) {\n    conversation {\n      ...ConversationRow\n    }\n  }\n}\n\nsubscription ConversationChanged {\n  conversationChanged {\n    kind\n    conversationId\n    conversation {\n      ...ConversationRow\n    }\n  }\n}\n\nquery ErrorCodes {\n  errorCodes\n}"): (typeof documents)["fragment ConversationRow on Conversation {\n  id\n  subject\n  version\n}\n\nquery Me {\n  me {\n    role\n    tenant {\n      id\n      slug\n    }\n  }\n}\n\nquery Plan {\n  tenant {\n    id\n    name\n    plan\n  }\n}\n\nquery Conversations($first: Int!, $after: String) {\n  conversations(first: $first, after: $after) {\n    edges {\n      cursor\n      node {\n        ...ConversationRow\n      }\n    }\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n  }\n}\n\nquery Conversation($id: ID!) {\n  conversation(id: $id) {\n    ...ConversationRow\n  }\n}\n\nmutation CreateConversation($input: CreateConversationInput!) {\n  createConversation(input: $input) {\n    conversation {\n      ...ConversationRow\n    }\n  }\n}\n\nmutation UpdateConversation($input: UpdateConversationInput!) {\n  updateConversation(input: $input) {\n    conversation {\n      ...ConversationRow\n    }\n  }\n}\n\nsubscription ConversationChanged {\n  conversationChanged {\n    kind\n    conversationId\n    conversation {\n      ...ConversationRow\n    }\n  }\n}\n\nquery ErrorCodes {\n  errorCodes\n}"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;