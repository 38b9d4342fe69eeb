/** `POST /graphql` (and `GET` for queries): Apollo Server with a context that is bound to the caller's tenant. */
import type { ApolloServer } from '@apollo/server';
import type { FastifyInstance } from 'fastify';
import { authenticate, SuspendedError } from '../kernel/auth/authenticate.js';
import { refuseLostAccess } from '../kernel/auth/lost-access.js';
import type { RequestContext } from '../kernel/graphql/request-context.js';
import { RequestUsage } from '../kernel/request/request-usage.js';
import { createContext } from '../kernel/graphql/create-context.js';
import { clientName } from '../services/field-usage/field-usage.js';
import { createApollo } from './apollo.js';
import { viewerOf } from './authentication.js';
import { findDocument } from './find-document.js';
import { graphqlHandler } from './graphql-handler.js';
import { hasOnlyFields } from './guest.js';
import { createGuestContext } from './guest-context.js';
import { logOf } from './logging.js';
import { READ_AFTER } from './own-writes.js';
import { RequestsUnderWay } from './requests-under-way.js';
import type { Services } from './services.js';
import { tenantsDoor } from './tenants-door.js';
import { whenClosed } from './when-closed.js';

/** Installs the route, and stops Apollo Server with the app. */
export async function installGraphql(
  app: FastifyInstance,
  services: Services,
): Promise<ApolloServer<RequestContext>> {
  const apollo = createApollo(tenantsDoor(services), services, app.log);
  await apollo.start();
  app.addHook('onClose', () => apollo.stop());
  const find = findDocument(services.documents);
  const underWay = new RequestsUnderWay(services.invalidations);

  app.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    config: { authenticated: true },
    // Apollo Server answers a HEAD 405, as other methods are.
    exposeHeadRoute: false,
    preHandler: (request, reply, done) => {
      find(request, reply);
      done();
    },
    handler: graphqlHandler(
      apollo,
      async (request, reply) => {
        const { id: requestId, guest, headers, deadline } = request;
        const log = () => logOf(request);
        const usage = (request.usage = new RequestUsage(request.trace));
        usage.client = clientName(headers['apollographql-client-name']);
        if (guest)
          return createGuestContext(services, { user: guest.user, requestId, deadline, usage, log: log() });
        const viewer = viewerOf(request);
        const confirmAccess = async () => {
          try {
            refuseLostAccess(viewer, await authenticate(services.authentication, headers));
          } catch (error) {
            // Among them is the request that has suspended the tenant, by asking for its erasure.
            const isAllowed =
              error instanceof SuspendedError && hasOnlyFields(request.body, services.whileErasing);
            if (!isAllowed) throw error;
          }
        };
        const { tenantId } = viewer;
        services.tenantUsage.add(tenantId, 'requests', 1);
        if (deadline) {
          whenClosed(reply.raw, underWay.begin({ tenantId, deadline, confirm: confirmAccess }));
        }
        return createContext(services, {
          viewer,
          confirmAccess,
          requestId,
          deadline,
          usage,
          idempotencyKey: headers['idempotency-key']?.toString(),
          freshness: services.ownWrites.freshnessOf(viewer.actor, headers[READ_AFTER]),
          log,
        });
      },
      services.config.maxAnswerBytes,
    ),
  });
  return apollo;
}
