import type { ServerResponse } from 'node:http';

/**
 * Calls `listener` once when an answer was sent or its connection has ended; now when it already has. A client may go at any
 * time, also while its request waits for what comes before the answer: its event has then passed.
 */
export function whenClosed(answer: ServerResponse, listener: () => void): void {
  if (answer.closed) listener();
  else answer.once('close', listener);
}
