/**
 * PostGraphile 5 on the same tables, configured as its documentation says for production: the Amber preset, one
 * process, no GraphiQL, no explain, the tenant from the verified token in `pgSettings`, and row-level security for the
 * isolation.
 */
import { createServer } from 'node:http';
import { PgSimplifyInflectionPreset } from '@graphile/simplify-inflection';
import { postgraphile } from 'postgraphile';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { context } from 'postgraphile/grafast';
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

const preset: GraphileConfig.Preset = {
  extends: [PostGraphileAmberPreset, PgSimplifyInflectionPreset],
  plugins: [ownRows],
  // The workloads use the rows' own ids, so Relay's node ids are not needed.
  disablePlugins: ['NodePlugin', 'MutationPayloadQueryPlugin'],
  pgServices: [
    makePgService({
      connectionString: databaseUrl,
      schemas: ['public'],
      poolConfig: { max: poolSize },
      pubsub: false,
    }),
  ],
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false, outputDataAsString: true },
  grafast: {
    explain: false,
    context({ node }) {
      const { userId, tenantId } = verify(node?.req.headers.authorization);
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
