/** Limits the bytes of every answer of the API. */
import type { FastifyInstance } from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import { ERROR_STATUS } from '../kernel/vocabulary/errors.js';
import { answerTooLarge, leastBytes } from '../kernel/request/answer-bytes.js';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import { errorAnswer } from './error-answers.js';
import { withRequestIds } from './unexpected-errors.js';

const refusalText = (mostBytes: number): string => JSON.stringify(errorAnswer(answerTooLarge(mostBytes)));

/**
 * Serializes an answer, for Apollo Server. The data was counted before (`AnswerBytes`), and introspection is no larger
 * than the schema; but errors get their final form only now.
 */
export function textOfAnswer(mostBytes: number): (result: FormattedExecutionResult) => string {
  const refusal = refusalText(mostBytes);
  return (result) =>
    result.errors && leastBytes(result.errors, mostBytes) > mostBytes ? refusal : JSON.stringify(result);
}

/**
 * Sends answers as bytes, and refuses answers of authenticated routes that are too large. Earlier counts are a lower
 * bound; the exact size is known here.
 */
export function installAnswerSize(app: FastifyInstance, mostBytes: number, leaving: LeavingErrors): void {
  const refusal = refusalText(mostBytes);
  app.addHook('onSend', (request, reply, payload, done) => {
    if (typeof payload !== 'string') return done(null, payload);
    // Node would concatenate a string with the headers, and encode both.
    const text = reply.statusCode === 500 ? withRequestIds(payload, request.id) : payload;
    const bytes = Buffer.from(text);
    const { authenticated, operators } = request.routeOptions.config;
    const isTooLarge = bytes.length > mostBytes && (authenticated === true || operators === true);
    if (!isTooLarge && payload !== refusal) return done(null, bytes);
    leaving.see('ANSWER_TOO_LARGE', undefined);
    reply.code(ERROR_STATUS.ANSWER_TOO_LARGE);
    done(null, Buffer.from(refusal));
  });
}
