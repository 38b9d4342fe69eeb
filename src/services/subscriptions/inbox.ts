/**
 * Queues the messages of clients. A client may send any number of messages at once, and handling one can take
 * milliseconds. So one message per connection is handled at a time, connections of a tenant take turns, tenants take
 * turns, and after a few milliseconds the event loop continues with other work.
 */

/** The most unhandled messages of a connection. Beyond this its socket is not read. */
export const MOST_MESSAGES = 32;
export const MOST_BYTES = 128 * 1024;
/** In milliseconds. At least one message is handled. */
const SLICE_MS = 3;

export interface InboxOptions {
  /** The tenant with whose connections it takes turns; changes when the client is authenticated. */
  readonly tenantId: () => string;
  /** Called with the messages, one after the other. */
  readonly handle: (message: Buffer) => void;
  /** Stops and resumes reading from the client. */
  readonly pause: () => void;
  readonly resume: () => void;
}

/** The messages of one connection. */
export class Inbox {
  readonly #turns: Turns;
  readonly #options: InboxOptions;
  #messages: Buffer[] = [];
  #bytes = 0;
  #isPaused = false;

  constructor(turns: Turns, options: InboxOptions) {
    this.#turns = turns;
    this.#options = options;
  }

  get tenantId(): string {
    return this.#options.tenantId();
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  put(message: Buffer): void {
    this.#bytes += message.length;
    if (this.#messages.push(message) === 1) this.#turns.add(this);
    if (!this.#isPaused && this.#isFull) {
      this.#isPaused = true;
      this.#options.pause();
    }
  }

  /** Handles the first message, if there is one. */
  handleFirst(): void {
    const message = this.#messages.shift();
    if (message === undefined) return;
    this.#bytes -= message.length;
    try {
      this.#options.handle(message);
    } finally {
      if (this.#isPaused && !this.#isFull) {
        this.#isPaused = false;
        this.#options.resume();
      }
    }
  }

  /** The connection has ended: drops its messages. */
  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
    this.#options.resume();
  }

  get #isFull(): boolean {
    return this.#messages.length >= MOST_MESSAGES || this.#bytes >= MOST_BYTES;
  }
}

/** All non-empty inboxes of the process. */
export class Turns {
  /** By tenant, in the order of their turns. */
  readonly #waiting = new Map<string, Inbox[]>();
  #isScheduled = false;

  /** Call it when an inbox is no longer empty. */
  add(inbox: Inbox): void {
    const { tenantId } = inbox;
    const ofTenant = this.#waiting.get(tenantId);
    if (ofTenant) ofTenant.push(inbox);
    else this.#waiting.set(tenantId, [inbox]);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#isScheduled = false;
    const until = performance.now() + SLICE_MS;
    try {
      do this.#next();
      while (this.#waiting.size > 0 && performance.now() < until);
    } finally {
      if (this.#waiting.size > 0) this.#schedule();
    }
  }

  /** The first inbox of the next tenant; both move to the end of their queue. */
  #next(): void {
    const [first] = this.#waiting;
    if (!first) return;
    const [tenantId, inboxes] = first;
    const inbox = inboxes.shift();
    this.#waiting.delete(tenantId);
    if (inboxes.length > 0) this.#waiting.set(tenantId, inboxes);
    try {
      inbox?.handleFirst();
    } finally {
      if (inbox && !inbox.isEmpty) this.add(inbox);
    }
  }
}
