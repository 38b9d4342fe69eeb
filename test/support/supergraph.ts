/** A supergraph of the server and of a small subgraph of another team, behind Apollo's gateway. */
import { ApolloServer } from '@apollo/server';
import { composeServices } from '@apollo/composition';
import {
  ApolloGateway,
  LocalGraphQLDataSource,
  RemoteGraphQLDataSource,
  type GraphQLDataSourceProcessOptions,
} from '@apollo/gateway';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { parse, type FormattedExecutionResult, type GraphQLSchema } from 'graphql';

/** Who sits where. It refers to members of this server, adds to them, and needs their role for one field. */
const DESKS = `
  type Query { desks: [Desk!]! }
  type Desk @key(fields: "id") { id: ID! room: String! holder: Membership }
  type Membership @key(fields: "id") {
    id: ID!
    role: Role! @external
    desk: Desk
    badge: String @requires(fields: "role")
  }
  enum Role { OWNER ADMIN MEMBER VIEWER }
`;
const LINKED = `
  extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@external", "@requires"])
`;

export interface Desk {
  readonly id: string;
  readonly room: string;
  /** The id of a membership. */
  readonly holder: string;
}

interface Representation {
  readonly __typename: string;
  readonly id: string;
  readonly role?: string;
}

function desksSchema(desks: readonly Desk[]): GraphQLSchema {
  const typed = ({ holder, ...desk }: Desk) => ({
    ...desk,
    __typename: 'Desk',
    holder: { __typename: 'Membership', id: holder },
  });
  return makeExecutableSchema({
    typeDefs: [
      DESKS,
      `scalar _Any
       union _Entity = Desk | Membership
       extend type Query { _entities(representations: [_Any!]!): [_Entity]! }`,
    ],
    // Federation brings the directives.
    assumeValidSDL: true,
    resolvers: {
      Query: {
        desks: () => desks.map(typed),
        _entities: (_parent, { representations }: { readonly representations: readonly Representation[] }) =>
          representations,
      },
      Membership: {
        desk: ({ id }: Representation) => desks.filter(({ holder }) => holder === id).map(typed)[0],
        badge: ({ role }: Representation) => `badge of ${String(role)}`,
      },
    },
  });
}

/**
 * The errors of a composition, or the SDL of the supergraph.
 *
 * @param sdl the SDL of this server
 */
export function compose(sdl: string, url = 'http://127.0.0.1/graphql') {
  const { errors, supergraphSdl } = composeServices([
    { name: 'tenantry', url, typeDefs: parse(sdl) },
    { name: 'desks', url: 'http://desks.invalid/graphql', typeDefs: parse(LINKED + DESKS) },
  ]);
  return { errors: (errors ?? []).map(({ message }) => message), supergraphSdl };
}

type Headers = Readonly<Record<string, string>>;

/** Sends the caller's headers on, as every router has to do with the credential. */
class WithHeaders extends RemoteGraphQLDataSource {
  override willSendRequest({ request, context }: GraphQLDataSourceProcessOptions): void {
    // Without a context when the gateway asks for the schema.
    const { headers = {} } = context as { readonly headers?: Headers };
    for (const [name, value] of Object.entries(headers)) request.http?.headers.set(name, value);
  }
}

export interface Supergraph {
  /** @param headers what the router sends on besides the credential */
  ask(token: string, query: string, headers?: Headers): Promise<FormattedExecutionResult>;
  close(): Promise<void>;
}

/** @throws Error when the subgraphs cannot be composed */
export async function startSupergraph(
  { sdl, url }: { readonly sdl: string; readonly url: string },
  desks: readonly Desk[],
): Promise<Supergraph> {
  const { errors, supergraphSdl } = compose(sdl, url);
  if (supergraphSdl === undefined) throw new Error(errors.join('\n'));
  const local = new LocalGraphQLDataSource(desksSchema(desks));
  const gateway = new ApolloGateway({
    supergraphSdl,
    buildService: (service) => (service.name === 'tenantry' ? new WithHeaders({ url: service.url! }) : local),
  });
  const server = new ApolloServer<{ headers: Headers }>({
    gateway,
    includeStacktraceInErrorResponses: false,
  });
  await server.start();
  return {
    async ask(token, query, headers = {}) {
      const { body } = await server.executeOperation(
        { query },
        { contextValue: { headers: { ...headers, authorization: `Bearer ${token}` } } },
      );
      if (body.kind !== 'single') throw new Error('the answer has several parts');
      return body.singleResult;
    },
    close: () => server.stop(),
  };
}
