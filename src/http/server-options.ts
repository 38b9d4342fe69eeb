import type { Server } from 'node:http';
import { LogController, type FastifyHttpOptions } from 'fastify';
import type { Config } from '../kernel/config/config.js';
import { rewriteUndecodableUrl } from './error-answers.js';
import { loggerOptions } from './logging.js';
import { requestId } from './request-id.js';
import { REQUEST_LIMITS, requestLimits } from './request-limits.js';
import { upgradeOptions } from './websocket.js';

/** What Fastify itself is told: its log, the ids of requests, and the limits that its HTTP parser holds. */
export const serverOptions = (config: Pick<Config, 'logLevel' | 'production' | 'requestTimeoutMs'>) =>
  ({
    logger: loggerOptions(config),
    // One line per answer, of our own: logging.ts.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    rewriteUrl: rewriteUndecodableUrl,
    ...requestLimits,
    // For clients that neither send nor read; a request that is worked on for as long as it may be is none of them.
    connectionTimeout: config.requestTimeoutMs + REQUEST_LIMITS.silentMs,
    // Fastify would refuse in a form of its own: drain.ts does it.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    http: { ...requestLimits.http, ...upgradeOptions },
  }) satisfies FastifyHttpOptions<Server>;
