/** Whether two answers differ, apart from differences of the requests themselves. */
import { encodingsOf } from './encodings.js';
import type { Answer } from './wire.js';

/** Headers that differ in every answer. */
const OF_THE_MOMENT = /^(date|age|x-request-id|server-timing|retry-after|(x-)?ratelimit.*|cf-ray|via)$/;

/** What is left of a budget of cost (`extensions.cost.throttle`): each request uses some. */
const LEFT_OF_BUDGET = /("currentlyAvailable":)\d+(?:\.\d+)?/g;

/** A text without what is left of the attacker's budget. */
export const withoutBudget = (text: string): string => text.replace(LEFT_OF_BUDGET, '$1"‹any›"');

/** The attacker's answer without the value that it sent, which servers repeat. */
export function told(answer: Answer, sent?: string): string {
  const body = withoutBudget(answer.body);
  const isSameLength = body === answer.body;
  const headers = answer.headers.filter(
    ([name]) => !OF_THE_MOMENT.test(name) && (isSameLength || name !== 'content-length'),
  );
  const text = [
    String(answer.status),
    ...headers.map(([name, value]) => `${name}: ${value}`).sort(),
    '',
    body,
  ].join('\n');
  return without(text.replaceAll(answer.requestId, '‹request id›'), sent);
}

/** A text without a value in any of its encodings. */
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
  // Letters with a longer lower case would shift the positions.
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
 * The same for a mutation that took effect: new ids, times, secrets and counters differ each time, so only the shape of
 * its data is compared. Errors are compared exactly.
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

/** The frames of a mutation over a connection, of whose data only the shape counts. */
export function framesOfMutation(frames: string): string {
  return frames
    .split('\n')
    .map((frame) => {
      try {
        const { payload, ...rest } = JSON.parse(frame) as { payload?: { data?: unknown } };
        if (!hasValue(payload?.data)) return frame;
        return JSON.stringify({ ...rest, payload: { ...payload, data: shapeOf(payload!.data) } });
      } catch {
        return frame;
      }
    })
    .join('\n');
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

/** The first line in which two texts differ, and its position, for the report. */
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
