import type { ExecutionResult } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Viewer } from '../../kernel/vocabulary/viewer.js';
import { PublicError } from '../../kernel/vocabulary/errors.js';
import type { Dependence } from './dependence.js';

/** The limit for all tenants together; the least recently used answer is dropped first. */
const MOST_BYTES = 16 * 1024 * 1024;
/** A loss of access takes effect within a second, also by rules that look at data. */
const KEPT_FOR_MS = 1_000;
/** Per event and operation: subscribers with different permissions need different answers. */
const MOST_VARIANTS = 8;
/** The most operations that are remembered as having personal answers, and for how long. */
const MOST_PERSONAL = 10_000;
const PERSONAL_FOR_MS = 10_000;

/** The answer to one event. */
export interface Answer {
  readonly viewer: Viewer;
  readonly dependence: Dependence;
  readonly result: ExecutionResult;
  readonly bytes: number;
  /** When its first read began at the earliest, on the clock of `performance.now()`. */
  readonly begunAt: number;
}

/**
 * Keeps answers to events briefly, so that subscribers of one tenant with the same operation and permissions share one
 * read, and a subscriber who is behind can read several changes at once.
 */
export class Answers {
  readonly #kept = new LRUCache<string, readonly Answer[]>({ maxSize: MOST_BYTES, ttl: KEPT_FOR_MS });
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #personal = new LRUCache<string, true>({ max: MOST_PERSONAL, ttl: PERSONAL_FOR_MS });

  /**
   * Settles when the answer that is being made under this key is ready or has failed; undefined while none is being
   * made.
   */
  underWay(key: string): Promise<void> | undefined {
    return this.#underWay.get(key);
  }

  /** Registers that an answer is being made. Call the returned function when it is ready. */
  begin(key: string): () => void {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    this.#underWay.set(key, ended);
    return () => {
      if (this.#underWay.get(key) === ended) this.#underWay.delete(key);
      end();
    };
  }

  has(key: string): boolean {
    return this.#kept.has(key);
  }

  /** The answer, if `viewer` would get the same. */
  shared(key: string, viewer: Viewer): ExecutionResult | undefined {
    const answers = this.#kept.get(key);
    return answers?.find((answer) => isFresh(answer) && answer.dependence.holdsFor(viewer))?.result;
  }

  /** The answer that was made for the same subscriber, if nothing of the viewer has changed. */
  own(key: string, viewer: Viewer): ExecutionResult | undefined {
    const [answer] = this.#kept.get(key) ?? [];
    this.#kept.delete(key);
    return answer && isFresh(answer) && isSame(answer.viewer, viewer) ? answer.result : undefined;
  }

  keep(key: string, answer: Answer): void {
    if (!isCertain(answer.result)) return;
    const others = (this.#kept.get(key) ?? []).filter(isFresh);
    if (others.length >= MOST_VARIANTS) return;
    const answers = [...others, answer];
    this.#kept.set(key, answers, { size: answers.reduce((sum, { bytes }) => sum + bytes, 0) });
  }

  /** Whether recent answers to the operation were personal. */
  isPersonal(operation: string): boolean {
    return this.#personal.has(operation);
  }

  markPersonal(operation: string): void {
    this.#personal.set(operation, true);
  }
}

const isFresh = ({ begunAt }: Answer): boolean => performance.now() - begunAt < KEPT_FOR_MS;

/** Failures are not shared. A refusal for a missing permission is an answer like any other. */
export const isCertain = ({ errors = [] }: ExecutionResult): boolean =>
  errors.every(
    ({ originalError }) => originalError instanceof PublicError && originalError.code === 'FORBIDDEN',
  );

function isSame({ permissions, actor, ...before }: Viewer, now: Viewer): boolean {
  const fields = Object.keys(before) as (keyof typeof before)[];
  return (
    fields.every((field) => before[field] === now[field]) &&
    actor.type === now.actor.type &&
    actor.id === now.actor.id &&
    permissions.size === now.permissions.size &&
    [...permissions].every((permission) => now.permissions.has(permission))
  );
}
