/** The text of an event stream (server-sent events), made as fast as its client reads. */
import { GraphQLError, type ExecutionResult } from 'graphql';
import type { LiveSubscription } from '../services/subscriptions/live-subscription.js';

/** A line that clients ignore. */
const COMMENT = ':\n\n';
/** With `data`, because browsers drop an event without it. */
const COMPLETE = 'event: complete\ndata: \n\n';

export interface FrameOptions {
  /** A comment is sent after this time without an event. */
  readonly heartbeatMs: number;
  /** Gives a result the form for the client. */
  readonly told: (result: ExecutionResult) => object;
  /** Whether the server has ended the subscription, which is then not complete. */
  readonly isCutOff: () => boolean;
  /** Is called with the bytes of each event. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** The frames of a subscription, or of a single result. An error that ends the subscription is its last event. */
export async function* framesOf(
  events: LiveSubscription | ExecutionResult,
  { heartbeatMs, told, isCutOff, onBytes }: FrameOptions,
): AsyncGenerator<string, void> {
  const nextOf = (result: ExecutionResult) => {
    const frame = `event: next\ndata: ${JSON.stringify(told(result))}\n\n`;
    onBytes?.(Buffer.byteLength(frame));
    return frame;
  };
  // Some browsers tell the page of an answer only when its body has begun.
  yield COMMENT;
  if (!(Symbol.asyncIterator in events)) {
    yield nextOf(events);
    yield COMPLETE;
    return;
  }
  try {
    for (;;) {
      const next = events.next();
      let result = await within(heartbeatMs, next);
      while (!result) {
        yield COMMENT;
        result = await within(heartbeatMs, next);
      }
      if (result.done) break;
      yield nextOf(result.value);
    }
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    yield nextOf({ errors: [error] });
  } finally {
    await events.return();
  }
  if (!isCutOff()) yield COMPLETE;
}

/** The value of `promise`; undefined when it takes longer. */
async function within<Value>(milliseconds: number, promise: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds).unref();
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
