import type { Refusal } from './explain.js';

/** The object as it is now, when a change was refused because somebody else has changed it. */
export function currentOf(refusals: readonly Refusal[]): Readonly<Record<string, unknown>> | undefined {
  const current = refusals.find(({ code }) => code === 'CONFLICT')?.details['current'];
  return typeof current === 'object' && current !== null
    ? (current as Readonly<Record<string, unknown>>)
    : undefined;
}
