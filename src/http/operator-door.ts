/**
 * `POST /operator/graphql`: the operators' door. It is there only when it is configured. Its tokens are for an audience of
 * their own, so no token of a tenant opens it, and no token of an operator the tenants' door. It has its own schema, its own
 * role and connections of the database, and its own limit of requests.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { bearerToken } from '../kernel/auth/authenticate.js';
import { createExecute } from '../kernel/graphql/execution.js';
import { AnswerBytes } from '../kernel/request/answer-bytes.js';
import { RequestUsage } from '../kernel/request/request-usage.js';
import { Deadline } from '../kernel/request/deadline.js';
import { PublicError } from '../kernel/vocabulary/errors.js';
import {
  OPERATOR_PERMISSIONS,
  type Operator,
  type OperatorContext,
} from '../services/operator/operator-context.js';
import { isOfStranger } from '../services/rates/strangers.js';
import { createApollo } from './apollo.js';
import { endWith } from './deadline.js';
import type { Door } from './door.js';
import { graphqlHandler } from './graphql-handler.js';
import { logOf } from './logging.js';
import type { OperatorServices } from './operator-services.js';
import { tell } from './rate-limits.js';
import type { Services } from './services.js';
import { isWelcomeOrigin } from './websocket-origin.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller of the operators' door. */
    operator: Operator | undefined;
  }
  interface FastifyContextConfig {
    /** The route is the operators' door. */
    operators?: boolean;
  }
}

/** What an operation may cost: pages of a hundred tenants with everything of theirs, and far from the memory of a server. */
const MOST_COST = 10_000;

/** The path of the door. */
export const OPERATOR_PATH = '/operator/graphql';

/** Installs the route, and stops its Apollo Server with the app; nothing without {@link OperatorServices}. */
export async function installOperatorDoor(
  app: FastifyInstance,
  services: Pick<Services, 'config' | 'leaving' | 'rates' | 'addressOf' | 'plans'>,
  operators: OperatorServices | undefined,
): Promise<void> {
  app.decorateRequest('operator', undefined);
  if (!operators) return;
  const { config, rates, addressOf, plans } = services;
  const apollo = createApollo(doorOf(operators, config.production), services, app.log);
  await apollo.start();
  app.addHook('onClose', () => apollo.stop());

  /** Before the body is read. Callers without access are counted by address, as at the tenants' door. */
  const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    // A browser may call it from its own origin only. The origins of tenants' front ends are none of operators.
    if (!isWelcomeOrigin(request.headers, [])) {
      throw new PublicError('FORBIDDEN', 'This origin may not call the API.', { requires: 'origin' });
    }
    try {
      request.operator = await operatorOf(request, operators);
    } catch (error) {
      if (!isOfStranger(error)) throw error;
      throw tell(reply, await rates.stranger(addressOf(request.raw))) ?? error;
    }
    const refusal = tell(reply, await rates.operator(request.operator.name, operators.requestsPerMinute));
    if (refusal) throw refusal;
  };

  app.route({
    method: 'POST',
    url: OPERATOR_PATH,
    config: { operators: true },
    onRequest: admit,
    handler: graphqlHandler(
      apollo,
      async (request, reply): Promise<OperatorContext> => {
        const { operator, id: requestId } = request;
        if (!operator) throw new Error('the operators’ door has a caller without a token');
        const deadline = Deadline.after(config.requestTimeoutMs);
        endWith(reply, deadline);
        return {
          viewer: operator,
          tenants: operators.forOperator(operator.name, requestId),
          plans,
          sealKeys: operators.sealKeys,
          erasureDays: operators.erasureDays,
          requestId,
          deadline,
          usage: (request.usage = new RequestUsage(request.trace)),
          bytes: new AnswerBytes(config.maxAnswerBytes),
          log: logOf(request),
        };
      },
      config.maxAnswerBytes,
    ),
  });
}

/** @throws UNAUTHENTICATED; UNAVAILABLE when the keys of the identity provider cannot be fetched */
async function operatorOf({ headers }: FastifyRequest, { verifyToken }: OperatorServices): Promise<Operator> {
  const { userId, scope } = await verifyToken(bearerToken(headers.authorization));
  const scopes = new Set(scope.split(' '));
  return {
    name: userId,
    permissions: new Set(OPERATOR_PERMISSIONS.filter((permission) => scopes.has(permission))),
  };
}

function doorOf({ schema, reader }: OperatorServices, production: boolean): Door<OperatorContext> {
  const execute = createExecute(schema, production);
  return {
    schema,
    reader,
    run: async ({ document, operationName, variables = {}, context }) =>
      execute({ document, operationName, variables, context }),
    budgetOf: () => ({ mostCost: MOST_COST }),
  };
}
