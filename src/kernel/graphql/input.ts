/** Checks the input of mutations beyond what GraphQL's types can say. */
import { z } from 'zod';
import { PublicError } from '../vocabulary/errors.js';
import type { Prisma } from '../../generated/prisma/client.js';

const UNSTORABLE = 'must not contain U+0000 or half a surrogate pair';

/** Text between `min` and `max` characters that PostgreSQL can store. */
export const text = (min: number, max: number) =>
  z
    .string()
    .min(min, min === 1 ? 'must not be empty' : `must have at least ${String(min)} characters`)
    .max(max, `must have at most ${String(max)} characters`)
    .refine(isStorable, UNSTORABLE);

const DEEPEST_JSON = 32;

/** A JSON object of at most `maxBytes` as text, at most 32 levels deep, that PostgreSQL can store. */
export const jsonObject = (maxBytes: number) =>
  z.custom<Prisma.InputJsonObject>().superRefine((value, context) => {
    const problem = jsonProblem(value, maxBytes);
    if (problem !== undefined) context.addIssue(problem);
  });

/** Level by level rather than recursively: a client decides how deep it is. */
function jsonProblem(value: unknown, maxBytes: number): string | undefined {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST_JSON) return `must be at most ${String(DEEPEST_JSON)} levels deep`;
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item === 'string' && !isStorable(item)) return UNSTORABLE;
      if (typeof item !== 'object' || item === null) continue;
      if (!Array.isArray(item) && !Object.keys(item).every(isStorable)) return UNSTORABLE;
      for (const child of Object.values(item)) next.push(child);
    }
    level = next;
  }
  return Buffer.byteLength(JSON.stringify(value)) > maxBytes
    ? `must have at most ${String(maxBytes)} bytes as JSON`
    : undefined;
}

/** PostgreSQL stores any text but U+0000, and JSON only with whole surrogate pairs. */
export function isStorable(value: string): boolean {
  return !value.includes('\u0000') && value.isWellFormed();
}

/**
 * Checks `input` and returns it as the schema makes it.
 *
 * @throws BAD_USER_INPUT naming the first offending field by its path, `input.body`; when there are several, each with
 * its message in `problems`.
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => {
    const field = ['input', ...path].join('.');
    return { field, message: `${field} ${message}.` };
  });
  const message = problems.map((problem) => problem.message).join(' ');
  throw new PublicError('BAD_USER_INPUT', message, {
    field: problems[0]?.field,
    ...(problems.length > 1 && { problems }),
  });
}
