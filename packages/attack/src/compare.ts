/** Whether two answers tell a difference, apart from what the requests themselves made different. */
import { encodingsOf } from './encodings.js';
import type { Answer } from './wire.js';

/** Differ from answer to answer whatever was asked. */
const OF_THE_MOMENT = /^(date|age|x-request-id|server-timing|retry-after|(x-)?ratelimit.*|cf-ray|via)$/;

/** Everything that the attacker was told, without the value that it sent itself: what a server repeats is no news. */
export function told(answer: Answer, sent?: string): string {
  const headers = answer.headers.filter(([name]) => !OF_THE_MOMENT.test(name));
  const text = [
    String(answer.status),
    ...headers.map(([name, value]) => `${name}: ${value}`).sort(),
    '',
    answer.body,
  ].join('\n');
  return without(text.replaceAll(answer.requestId, '‹request id›'), sent);
}

/** A text with a value in any of its encodings taken out. */
export function without(text: string, value: string | undefined): string {
  if (value === undefined || value.length < 3) return text;
  let rest = text;
  for (const form of encodingsOf(value).sort((a, b) => b.length - a.length)) {
    if (form.length < 4 && form !== value.toLowerCase()) continue;
    rest = replaceAllOf(rest, form);
  }
  return rest;
}

function replaceAllOf(text: string, form: string): string {
  const lower = text.toLowerCase();
  // Letters that become several in lower case would shift the places.
  if (lower.length !== text.length) return text.replaceAll(form, '‹value›');
  let rest = '';
  let from = 0;
  for (let at = lower.indexOf(form); at !== -1; at = lower.indexOf(form, from)) {
    rest += `${text.slice(from, at)}‹value›`;
    from = at + form.length;
  }
  return rest + text.slice(from);
}

/**
 * The same for a mutation that took effect: what it made anew (ids, times, secrets, counters) differs each time, so of
 * its data only the shape counts. Errors count to the letter.
 */
export function toldByMutation(answer: Answer, sent?: string): string {
  const [head = '', body = ''] = told(answer, sent).split(/\n\n([^]*)/);
  try {
    const { data, ...rest } = JSON.parse(body) as { data?: unknown };
    if (!hasValue(data)) return `${head}\n\n${body}`;
    const headers = head.replace(/^(content-length|etag): .*$/gm, '$1: ‹any›');
    return `${headers}\n\n${JSON.stringify({ ...rest, data: shapeOf(data) })}`;
  } catch {
    return `${head}\n\n${body}`;
  }
}

const hasValue = (data: unknown): boolean =>
  typeof data === 'object' && data !== null
    ? Object.values(data).some(hasValue)
    : data !== null && data !== undefined;

function shapeOf(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(shapeOf);
  if (typeof data !== 'object' || data === null) return data === null ? null : typeof data;
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, shapeOf(value)]));
}

/** The first line in which two texts differ, and where: for a person to look at. */
export function firstDifference(one: string, other: string): string {
  const before = one.split('\n');
  const after = other.split('\n');
  const line = before.findIndex((text, n) => text !== after[n]);
  const [a, b] = [
    before[line === -1 ? before.length : line] ?? '',
    after[line === -1 ? before.length : line] ?? '',
  ];
  let at = 0;
  while (at < Math.min(a.length, b.length) && a[at] === b[at]) at++;
  const from = Math.max(0, at - 40);
  return `${a.slice(from, at + 120)} ≠ ${b.slice(from, at + 120)}`;
}
