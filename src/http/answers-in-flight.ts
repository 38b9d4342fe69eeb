/** The answers to queries and mutations that a WebSocket is sending. */
import type { Socket } from 'node:net';
import type { FormattedExecutionResult } from 'graphql';
import { leastBytes } from '../kernel/request/answer-bytes.js';
import { UNREAD_LIMITS, type UnreadAnswers } from './unread-answers.js';

export interface AnswerSize {
  /** The answer has no more bytes as JSON. Exact for a large one. */
  readonly mostBytes: number;
  readonly isLarge: boolean;
}

/** Where `leastBytes` counts one byte, a number or an escaped character has at most as many. */
const MOST_BYTES_PER_COUNTED = 24;

/** The size of an answer, exact where it matters. */
export function sizeOf(answer: FormattedExecutionResult): AnswerSize {
  const atLeast = leastBytes(answer, UNREAD_LIMITS.smallBytes);
  return atLeast > UNREAD_LIMITS.smallBytes
    ? { mostBytes: Buffer.byteLength(JSON.stringify(answer)), isLarge: true }
    : { mostBytes: atLeast * MOST_BYTES_PER_COUNTED, isLarge: false };
}

/** Whether the answer has more bytes as JSON. */
export const exceeds = (answer: FormattedExecutionResult, mostBytes: number): boolean =>
  leastBytes(answer, mostBytes) * MOST_BYTES_PER_COUNTED > mostBytes &&
  Buffer.byteLength(JSON.stringify(answer)) > mostBytes;

/** There are few at a time, and they may be large, so they have the limits of answers over HTTP, not those of events. */
export class AnswersInFlight {
  /** All of them have no more bytes. */
  mostBytes = 0;
  readonly #socket: Socket;
  readonly #unread: UnreadAnswers;
  #large = 0;

  constructor(socket: Socket, unread: UnreadAnswers) {
    this.#socket = socket;
    this.#unread = unread;
    // Node does so for HTTP only.
    socket.on('timeout', () => socket.destroy());
  }

  /** Whether a message may wait long behind an answer. A client that does not read it is cut off. */
  get isLarge(): boolean {
    return this.#large > 0;
  }

  /** @returns a function; call it when the answer was sent or the connection has ended */
  add({ mostBytes, isLarge }: AnswerSize): () => void {
    this.mostBytes += mostBytes;
    const forget = isLarge ? this.#addLarge(mostBytes) : undefined;
    return () => {
      this.mostBytes -= mostBytes;
      forget?.();
    };
  }

  #addLarge(bytes: number): () => void {
    const forget = this.#unread.add(this.#socket, bytes);
    this.#large++;
    return () => {
      forget();
      if (--this.#large === 0) this.#socket.setTimeout(0);
    };
  }
}
