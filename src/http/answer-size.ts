/** No answer of the API has more bytes than allowed, whatever of it is large. */
import type { FastifyInstance } from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import { ERROR_STATUS } from '../kernel/vocabulary/errors.js';
import { answerTooLarge, leastBytes } from '../kernel/request/answer-bytes.js';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import { errorAnswer } from './error-answers.js';
import { withRequestIds } from './unexpected-errors.js';

const refusalText = (mostBytes: number): string => JSON.stringify(errorAnswer(answerTooLarge(mostBytes)));

/**
 * Makes the text of an answer, for Apollo Server. The data has been counted when it was there (`AnswerBytes`), and
 * introspection answers no more than the schema; errors have been given their last form only now.
 */
export function textOfAnswer(mostBytes: number): (result: FormattedExecutionResult) => string {
  const refusal = refusalText(mostBytes);
  return (result) =>
    result.errors && leastBytes(result.errors, mostBytes) > mostBytes ? refusal : JSON.stringify(result);
}

/**
 * Sends answers as bytes, and those of authenticated routes only if they are not too large. What is counted before is the
 * least that an answer may have: how many bytes it has is known now.
 */
export function installAnswerSize(app: FastifyInstance, mostBytes: number, leaving: LeavingErrors): void {
  const refusal = refusalText(mostBytes);
  app.addHook('onSend', (request, reply, payload, done) => {
    if (typeof payload !== 'string') return done(null, payload);
    // A text Node would join with the headers, and encode that.
    const text = reply.statusCode === 500 ? withRequestIds(payload, request.id) : payload;
    const bytes = Buffer.from(text);
    const isTooLarge = bytes.length > mostBytes && request.routeOptions.config.authenticated === true;
    if (!isTooLarge && payload !== refusal) return done(null, bytes);
    leaving.see('ANSWER_TOO_LARGE', undefined);
    reply.code(ERROR_STATUS.ANSWER_TOO_LARGE);
    done(null, Buffer.from(refusal));
  });
}
