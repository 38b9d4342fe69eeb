/** When a message is sent again, and when its receiver is given up: by the Standard Webhooks specification. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How long after each failed attempt the next one is made, in milliseconds; about three days together. */
export const WAITS_MS: readonly number[] = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];

/** The attempts of a message: the first one, and one after each wait. */
export const MOST_ATTEMPTS = WAITS_MS.length + 1;

/** An endpoint is disabled when nothing has reached it for this long, in milliseconds. */
export const GIVEN_UP_AFTER_MS = 5 * DAY_MS;

/** Waits differ by up to a tenth, so that what failed at the same time is not all sent again at the same time. */
const SPREAD = 0.1;

/** The longest wait that a receiver can ask for. */
const LONGEST_ASKED_MS = DAY_MS;

/**
 * How long to wait after an attempt, in milliseconds; undefined when it was the last one.
 *
 * @param attempt its number, from 1 on
 * @param askedMs how long the receiver is left alone because it has asked for it; a longer wait of the schedule wins
 * @param random between 0 and 1
 */
export function waitAfter(attempt: number, askedMs = 0, random = Math.random()): number | undefined {
  const planned = WAITS_MS[attempt - 1];
  if (planned === undefined) return undefined;
  return Math.round(Math.max(planned, askedMs) * (1 + SPREAD * random));
}

/**
 * How long an endpoint is left alone, in milliseconds, until a message is given up that never got another attempt
 * meanwhile: as long as all attempts of a message take.
 */
export const HELD_AT_MOST_MS = WAITS_MS.reduce((sum, wait) => sum + wait * (1 + SPREAD), 0);

/** What the schedule adds to the wait of a whole endpoint, at most: messages that come when it works again do not wait long. */
const LONGEST_HOLD_MS = HOUR_MS;

/**
 * How long all messages to an endpoint wait that has asked for time, or has not answered in time, in milliseconds. As long
 * as it has asked for; and at least, up to an hour, as long as the schedule would have one message wait that fails since
 * then, so that an endpoint that asks for a second for days is not tried every second.
 *
 * @param failingSince since when nothing has reached it
 */
export function holdAfter(askedMs: number, failingSince: Date, now: Date): number {
  let untilNextMs = now.getTime() - failingSince.getTime();
  const planned = WAITS_MS.find((wait) => (untilNextMs -= wait) < 0) ?? LONGEST_HOLD_MS;
  return Math.max(askedMs, Math.min(planned, LONGEST_HOLD_MS));
}

/**
 * Whether a message that is held, because its endpoint is left alone, is given up: it has waited, and the endpoint has
 * failed, for {@link HELD_AT_MOST_MS}.
 *
 * @param waitingSince when the message was to be sent first
 */
export const isHeldTooLong = (failingSince: Date | null, waitingSince: Date, now: Date): boolean =>
  failingSince !== null &&
  now.getTime() - Math.max(failingSince.getTime(), waitingSince.getTime()) >= HELD_AT_MOST_MS;

/** The statuses with which a receiver says that it gets too much. */
const OVERLOADED: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/**
 * How long an answer asks to be left alone, in milliseconds, at most a day; undefined when it does not. `Retry-After` has
 * seconds or a date.
 */
export function askedToWait(
  status: number,
  retryAfter: string | undefined,
  now = Date.now(),
): number | undefined {
  if (!OVERLOADED.has(status)) return undefined;
  const text = retryAfter?.trim() ?? '';
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * SECOND_MS : Date.parse(text) - now;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), LONGEST_ASKED_MS);
}

/** So many attempts of one message show that it is not a moment's trouble. */
const ENOUGH_ATTEMPTS = 4;

/**
 * Whether an endpoint is given up with a message that failed: nothing has reached it for days, and this message was tried
 * again.
 *
 * @param attempt how many the message has had; {@link MOST_ATTEMPTS} when it was held for the time of all of them
 */
export const isGivenUp = (failingSince: Date | null, attempt: number, now: Date): boolean =>
  failingSince !== null &&
  attempt >= ENOUGH_ATTEMPTS &&
  now.getTime() - failingSince.getTime() >= GIVEN_UP_AFTER_MS;
