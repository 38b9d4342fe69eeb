/**
 * The documented recipe: Apollo Server standalone, graphql-shield, and the row-level security extension of
 * prisma-client-extensions, which wraps each operation in a batch transaction. The resolvers are written as is common:
 * one findMany for each list of each parent. The role is read from the token, which saves a query.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { PrismaPg } from '@prisma/adapter-pg';
import type * as Middleware from 'graphql-middleware';
import type * as Shield from 'graphql-shield';
import type { PrismaClient as Client } from '../../../src/generated/prisma/client.js';
import { environment, required, STATEMENT_TIMEOUT_MS } from './environment.js';
import { verifier, type Identity } from './token.js';

// The ES modules of graphql-shield do not load on Node 24. Its CommonJS modules do.
const require = createRequire(import.meta.url);
const { shield, rule, and } = require('graphql-shield') as typeof Shield;
const { applyMiddleware } = require('graphql-middleware') as typeof Middleware;

const { databaseUrl, port, poolSize } = environment();
const verify = verifier();

// This is the generated client that Tenantry uses.
const { PrismaClient } = (await import(pathToFileURL(required('PRISMA_CLIENT')).href)) as {
  PrismaClient: typeof Client;
};
const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString: databaseUrl, max: poolSize }),
  // The default refuses a transaction after a wait of two seconds. W2, with twenty transactions per request, waits
  // longer.
  transactionOptions: { maxWait: 30_000 },
});

const forTenant = ({ tenantId, userId }: Identity, requestId: string) =>
  prisma.$extends({
    query: {
      $allModels: {
        async $allOperations({ args, query }) {
          // tenantry-audit-ignore S06: the published recipe as it stands, with what it costs
          const [, result] = await prisma.$transaction([
            prisma.$executeRaw`
              SELECT set_config('app.current_tenant', ${tenantId}, TRUE), set_config('app.current_actor', ${userId}, TRUE),
                     set_config('app.current_actor_type', 'user', TRUE), set_config('app.current_request', ${requestId}, TRUE),
                     set_config('statement_timeout', ${String(STATEMENT_TIMEOUT_MS)}, TRUE)`,
            query(args) as ReturnType<typeof prisma.$executeRaw>,
          ]);
          return result;
        },
      },
    },
  }) as unknown as Client;

interface Context {
  readonly identity: Identity;
  readonly db: Client;
}

const typeDefs = `
  scalar DateTime
  enum Role { OWNER ADMIN MEMBER VIEWER }
  type Query {
    me: Viewer!
    tenant: Tenant!
    members(first: Int): MembershipConnection
    conversations(first: Int): ConversationConnection
    auditLog(first: Int): AuditEntryConnection
  }
  type Mutation { createConversation(input: CreateConversationInput!): CreateConversationPayload }
  input CreateConversationInput { body: String!, subject: String }
  type CreateConversationPayload { conversation: Conversation }
  type Viewer { userId: ID!, email: String, role: Role! }
  type Tenant { id: ID!, slug: String!, name: String!, plan: String }
  type Membership { id: ID!, userId: ID!, role: Role!, joinedAt: DateTime!, email: String }
  type MembershipConnection { nodes: [Membership!]! }
  type Conversation { id: ID!, userId: ID!, subject: String, body: String!, createdAt: DateTime!, messages(first: Int): MessageConnection! }
  type ConversationConnection { nodes: [Conversation!]! }
  type Message { id: ID!, userId: ID!, body: String!, createdAt: DateTime! }
  type MessageConnection { nodes: [Message!]! }
  type AuditEntry { id: ID!, actor: String!, action: String!, entity: String!, entityId: ID, createdAt: DateTime! }
  type AuditEntryConnection { nodes: [AuditEntry!]! }
`;

interface Page {
  readonly first?: number;
}

const resolvers = {
  Role: { OWNER: 'owner', ADMIN: 'admin', MEMBER: 'member', VIEWER: 'viewer' },
  Query: {
    me: (_parent: unknown, _args: unknown, { identity }: Context) => identity,
    tenant: (_parent: unknown, _args: unknown, { db, identity }: Context) =>
      db.tenant.findUniqueOrThrow({ where: { id: identity.tenantId } }),
    members: async (_parent: unknown, { first = 20 }: Page, { db }: Context) => ({
      nodes: await db.membership.findMany({ orderBy: [{ joinedAt: 'asc' }, { id: 'asc' }], take: first }),
    }),
    conversations: async (_parent: unknown, { first = 20 }: Page, { db }: Context) => ({
      nodes: await db.conversation.findMany({
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: first,
      }),
    }),
    auditLog: async (_parent: unknown, { first = 20 }: Page, { db }: Context) => ({
      nodes: await db.auditEntry.findMany({ orderBy: { id: 'desc' }, take: first }),
    }),
  },
  Conversation: {
    messages: async ({ id }: { readonly id: string }, { first = 20 }: Page, { db }: Context) => ({
      nodes: await db.message.findMany({
        where: { conversationId: id },
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        take: first,
      }),
    }),
  },
  Mutation: {
    createConversation: async (
      _parent: unknown,
      { input }: { readonly input: { readonly body: string; readonly subject?: string } },
      { db, identity }: Context,
    ) => ({
      conversation: await db.conversation.create({
        data: { userId: identity.userId, body: input.body, subject: input.subject ?? null },
      }),
    }),
  },
};

const isAuthenticated = rule('authenticated', { cache: 'contextual' })(
  (_parent: unknown, _args: unknown, { identity }: Context) => identity.userId !== '',
);
const hasRole = (...roles: readonly string[]) =>
  rule(roles.join(' or '), { cache: 'contextual' })(
    (_parent: unknown, _args: unknown, { identity }: Context) => roles.includes(identity.role),
  );
const isAdmin = hasRole('owner', 'admin');
const isWriter = hasRole('owner', 'admin', 'member');

const permissions = shield(
  {
    Query: {
      me: isAuthenticated,
      tenant: isAuthenticated,
      members: isAuthenticated,
      conversations: isAuthenticated,
      auditLog: and(isAuthenticated, isAdmin),
    },
    Mutation: { createConversation: and(isAuthenticated, isWriter) },
    Membership: { email: isAdmin },
    Tenant: { plan: hasRole('owner') },
  },
  { allowExternalErrors: true },
);

const schema = applyMiddleware(makeExecutableSchema({ typeDefs, resolvers }), permissions);
const server = new ApolloServer<Context>({ schema });
await startStandaloneServer(server, {
  listen: { port, host: '127.0.0.1' },
  context: async ({ req }) => {
    const identity = verify(req.headers.authorization);
    return { identity, db: forTenant(identity, String(req.headers['x-request-id'] ?? '')) };
  },
});
