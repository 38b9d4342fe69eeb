import type { ExecutionResult } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Viewer } from '../../kernel/vocabulary/viewer.js';
import { PublicError } from '../../kernel/vocabulary/errors.js';
import type { Dependence } from './dependence.js';

/** Of all tenants; whatever was not asked for longest goes. */
const MOST_BYTES = 16 * 1024 * 1024;
/** What somebody loses is lost within a second, by rules that look at data as well. */
const KEPT_FOR_MS = 1_000;
/** Of one event and operation: subscribers with other permissions each need one. */
const MOST_VARIANTS = 8;
/** Operations whose answers turned out to be personal, and for how long that is believed without another look. */
const MOST_PERSONAL = 10_000;
const PERSONAL_FOR_MS = 10_000;

/** One event as it was answered. */
export interface Answer {
  readonly viewer: Viewer;
  readonly dependence: Dependence;
  readonly result: ExecutionResult;
  readonly bytes: number;
  /** On the clock of `performance.now()`: nothing was read before. */
  readonly begunAt: number;
}

/**
 * Answers to events, kept for a moment: so that subscribers of one tenant who subscribed to the same and have the same rights
 * are told of a change by one read, and a subscriber who is behind reads several changes at once.
 */
export class Answers {
  readonly #kept = new LRUCache<string, readonly Answer[]>({ maxSize: MOST_BYTES, ttl: KEPT_FOR_MS });
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #personal = new LRUCache<string, true>({ max: MOST_PERSONAL, ttl: PERSONAL_FOR_MS });

  /** Settles when the answer that somebody makes under this key has come, or will not; undefined while nobody does. */
  underWay(key: string): Promise<void> | undefined {
    return this.#underWay.get(key);
  }

  /** Says that an answer is being made. Call what it returns when it has come. */
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

  /** The answer, if `viewer` would have been given the same. */
  shared(key: string, viewer: Viewer): ExecutionResult | undefined {
    const answers = this.#kept.get(key);
    return answers?.find((answer) => isFresh(answer) && answer.dependence.holdsFor(viewer))?.result;
  }

  /** The answer that was made for the same subscriber, if they are still who they were in every respect. */
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

  /** Whether answers to the operation were personal of late. */
  isPersonal(operation: string): boolean {
    return this.#personal.has(operation);
  }

  markPersonal(operation: string): void {
    this.#personal.set(operation, true);
  }
}

const isFresh = ({ begunAt }: Answer): boolean => performance.now() - begunAt < KEPT_FOR_MS;

/** A failure concerns whoever met it; that something is refused to a permission is an answer like any other. */
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
