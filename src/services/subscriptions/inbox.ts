/**
 * Messages of clients, on their way to be handled. A client may send as much at once as it likes, and reading a message can
 * take milliseconds: so a connection has one message handled at a time, the connections of a tenant take turns, and so do
 * tenants; and after a few milliseconds of it, everything else that the process has to do comes first.
 */

/** What one connection may have sent that is not yet handled. Beyond it nothing more is read from its socket. */
export const MOST_MESSAGES = 32;
export const MOST_BYTES = 128 * 1024;
/** In milliseconds. One message is handled in any case. */
const SLICE_MS = 3;

export interface InboxOptions {
  /** Whose turn it is with; changes when the client has said who it is. */
  readonly tenantId: () => string;
  /** Called with one message after the other. */
  readonly handle: (message: Buffer) => void;
  /** Stops reading from the client, and goes on. */
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

  /** The connection is over: what it sent is of no interest. */
  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
    this.#options.resume();
  }

  get #isFull(): boolean {
    return this.#messages.length >= MOST_MESSAGES || this.#bytes >= MOST_BYTES;
  }
}

/** Inboxes with something in them, of a whole process. */
export class Turns {
  /** By tenant, in the order in which it is their turn. */
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

  /** The first inbox of the tenant whose turn it is; both go to the end of their row. */
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
