/**
 * PostGraphile 5 on the same tables, configured as its documentation says for production: the Amber preset, one
 * process, no GraphiQL, no explain, the tenant from the verified token in `pgSettings`, and row-level security for the
 * isolation.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { PersistedPlugin } from '@grafserv/persisted';
import { PgSimplifyInflectionPreset } from '@graphile/simplify-inflection';
import { postgraphile } from 'postgraphile';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { access, context, lambda, listen, type Step } from 'postgraphile/grafast';
import { grafserv } from 'postgraphile/grafserv/node';
import { makePgService } from 'postgraphile/adaptors/pg';
import { extendSchema, gql } from 'postgraphile/utils';
import { environment, STATEMENT_TIMEOUT_MS } from './environment.js';
import { verifier } from './token.js';

declare global {
  namespace Grafast {
    interface Context {
      userId: string;
      tenantId: string;
    }
  }
}

const { databaseUrl, port, poolSize } = environment();
const verify = verifier();

/** The fields `me` and `currentTenant`: the membership and the tenant that the token names. */
const ownRows = extendSchema(({ pgResources }) => ({
  typeDefs: gql`
    extend type Query {
      me: Membership
      currentTenant: Tenant
    }
  `,
  objects: {
    Query: {
      plans: {
        me: () =>
          pgResources['memberships']!.find({
            tenant_id: context().get('tenantId'),
            user_id: context().get('userId'),
          }).single(),
        currentTenant: () => pgResources['tenants']!.get({ id: context().get('tenantId') }),
      },
    },
  },
}));

/** The field `conversationChanged`: each tenant has a channel, and each subscriber reads the row under its own policies. */
const changes = extendSchema(({ pgResources }) => ({
  typeDefs: gql`
    type ConversationChange {
      conversation: Conversation
    }
    extend type Subscription {
      conversationChanged: ConversationChange
    }
  `,
  objects: {
    Subscription: {
      plans: {
        conversationChanged: {
          subscribePlan: () =>
            listen(
              context().get('pgSubscriber'),
              lambda(context().get('tenantId'), (id) => `conversations_${id}`),
              (event) => lambda(event, (text: string) => JSON.parse(text) as { id: string }),
            ),
          plan: (event: Step) => event,
        },
      },
    },
    ConversationChange: {
      plans: {
        conversation: (event: Step) =>
          pgResources['conversations']!.get({
            tenant_id: context().get('tenantId'),
            id: access(event, 'id'),
          }),
      },
    },
  },
}));
const hasSubscriptions = process.env['SUBSCRIPTIONS'] === 'true';

/** The documents that requests may name by their hash, beside those that they send. */
const documents = process.env['TRUSTED_DOCUMENTS'];
const persisted = documents !== undefined && {
  persistedOperations: JSON.parse(readFileSync(documents, 'utf8')) as Record<string, string>,
  allowUnpersistedOperation: true,
};

const preset: GraphileConfig.Preset = {
  extends: [PostGraphileAmberPreset, PgSimplifyInflectionPreset],
  plugins: [ownRows, ...(hasSubscriptions ? [changes] : []), ...(persisted ? [PersistedPlugin] : [])],
  // The workloads use the rows' own ids, so Relay's node ids are not needed.
  disablePlugins: ['NodePlugin', 'MutationPayloadQueryPlugin'],
  pgServices: [
    makePgService({
      connectionString: databaseUrl,
      schemas: ['public'],
      poolConfig: { max: poolSize },
      pubsub: hasSubscriptions,
    }),
  ],
  grafserv: {
    graphqlPath: '/graphql',
    graphiql: false,
    watch: false,
    outputDataAsString: true,
    websockets: hasSubscriptions,
    ...persisted,
  },
  grafast: {
    explain: false,
    context({ node, ws }) {
      const headers = ws?.normalizedConnectionParams ?? node?.req.headers;
      const { userId, tenantId } = verify(headers?.authorization);
      return {
        userId,
        tenantId,
        pgSettings: {
          'app.current_tenant': tenantId,
          'app.current_actor': userId,
          'app.current_actor_type': 'user',
          'app.current_request': String(node?.req.headers['x-request-id'] ?? ''),
          statement_timeout: String(STATEMENT_TIMEOUT_MS),
        },
      };
    },
  },
};

const pgl = postgraphile(preset);
const serv = pgl.createServ(grafserv);
const server = createServer();
await serv.addTo(server);
server.listen(port, '127.0.0.1');
