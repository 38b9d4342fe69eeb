/** Checks that GraphQL's types cannot express, for inputs of mutations. */
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

/** A value that may be left out. Null counts as left out, for a column that cannot be null. */
export const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);

/** The values without the missing ones, for Prisma to write. */
export function given<Values extends object>(
  values: Values,
): { [Key in keyof Values]: Exclude<Values[Key], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof Values]: Exclude<Values[Key], undefined> };
}

/** A whole number from `min` to `max`. */
export const integer = (min: number, max: number) =>
  z
    .number()
    .int()
    .min(min, `must be at least ${String(min)}`)
    .max(max, `must be at most ${String(max)}`);

/** A number that a column `real` stores: of 32 bits, neither too large nor too close to zero. */
export const real = () =>
  z
    .number()
    .refine(
      (value) => Number.isFinite(Math.fround(value)) && (value === 0 || Math.fround(value) !== 0),
      'must be a number of 32 bits',
    );

/** A number that a column `numeric(precision, scale)` stores without rounding. */
export const decimal = (precision: number, scale: number) =>
  z
    .custom<Prisma.Decimal>()
    .refine(
      (value) => value.decimalPlaces() <= scale,
      `must have at most ${String(scale)} digits behind the point`,
    )
    .refine(
      (value) => value.abs().lessThan(`1e${String(precision - scale)}`),
      `must have at most ${String(precision - scale)} digits before the point`,
    );

const DEEPEST_JSON = 32;

/** Any JSON value but null, with the limits of {@link jsonObject}. */
export const jsonValue = (maxBytes: number) =>
  z.custom<Prisma.InputJsonValue>().superRefine((value, context) => {
    const problem = jsonProblem(value, maxBytes);
    if (problem !== undefined) context.addIssue(problem);
  });

/** A JSON object of at most `maxBytes` as text, at most 32 levels deep, that PostgreSQL can store. */
export const jsonObject = (maxBytes: number) =>
  z.custom<Prisma.InputJsonObject>().superRefine((value, context) => {
    const problem = jsonProblem(value, maxBytes);
    if (problem !== undefined) context.addIssue(problem);
  });

/** Not recursive, because the client decides the depth. */
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

/** PostgreSQL cannot store U+0000 in text, or incomplete surrogate pairs in JSON. */
export function isStorable(value: string): boolean {
  return !value.includes('\u0000') && value.isWellFormed();
}

/**
 * Checks `input` and returns the schema's output.
 *
 * @throws BAD_USER_INPUT with the path of the first invalid field, `input.body`; several are listed with their messages
 * in `problems`
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
