import type { Server } from 'node:http';
import fastify, { LogController, type FastifyHttpOptions, type FastifyInstance } from 'fastify';
import type { Config } from '../kernel/config/config.js';
import { rewriteUndecodableUrl } from './error-answers.js';
import { loggerOptions } from './logging.js';
import { requestId } from './request-id.js';
import { REQUEST_LIMITS, requestLimits } from './request-limits.js';
import { upgradeOptions } from './upgrades.js';

type ServerConfig = Pick<Config, 'logLevel' | 'production' | 'requestTimeoutMs'>;

/** A server without routes, with these options of Fastify: its log, the ids of requests, and the limits of its HTTP parser. */
export const createServer = (config: ServerConfig): FastifyInstance => fastify(serverOptions(config));

/** Without these functions, Fastify loads its compilers at each start. */
const noSchemas = () => {
  throw new Error('No route has a JSON schema, so the server has no compiler for one.');
};

const serverOptions = (config: ServerConfig) =>
  ({
    logger: loggerOptions(config),
    // Disabled: logging.ts writes one line per answer.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    rewriteUrl: rewriteUndecodableUrl,
    // `/graphql/` is `/graphql`.
    routerOptions: { ignoreTrailingSlash: true },
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    ...requestLimits,
    // For clients that neither send nor read; longer than a request may run.
    connectionTimeout: config.requestTimeoutMs + REQUEST_LIMITS.silentMs,
    // Disabled: Fastify would refuse in another format, so drain.ts refuses requests.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    http: { ...requestLimits.http, ...upgradeOptions },
  }) satisfies FastifyHttpOptions<Server>;
