import type { FastifyBaseLogger } from 'fastify';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

class LazyLog {
  readonly #make: () => FastifyBaseLogger;
  #made: FastifyBaseLogger | undefined;

  constructor(make: () => FastifyBaseLogger) {
    this.#make = make;
  }

  get made(): FastifyBaseLogger {
    return (this.#made ??= this.#make());
  }

  get level(): string {
    return this.made.level;
  }

  child(...args: Parameters<FastifyBaseLogger['child']>): FastifyBaseLogger {
    return this.made.child(...args);
  }
}

for (const level of LEVELS) {
  const write = function (this: LazyLog, ...args: Parameters<FastifyBaseLogger[typeof level]>): void {
    this.made[level](...args);
  };
  Object.defineProperty(LazyLog.prototype, level, { value: write });
}

/**
 * A log that is made at its first use, because most requests write nothing to it. A property with a getter would not do:
 * Apollo Server copies each context, and reads all of its properties.
 */
export const lazyLog = (make: () => FastifyBaseLogger): FastifyBaseLogger =>
  new LazyLog(make) as unknown as FastifyBaseLogger;
