/** Checks the input of mutations beyond what GraphQL's types can say. */
import { z } from 'zod';
import { badInput } from '../errors.js';

/**
 * Text between `min` and `max` characters. U+0000 is refused, because PostgreSQL cannot store it.
 */
export const text = (min: number, max: number) =>
  z
    .string()
    .min(min, min === 1 ? 'must not be empty' : `must have at least ${min} characters`)
    .max(max, `must have at most ${max} characters`)
    .refine((value) => !value.includes('\u0000'), 'must not contain the character U+0000');

/**
 * Checks `input` and returns it as the schema makes it.
 *
 * @throws BAD_USER_INPUT naming the first offending field by its path, `input.body`.
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = ['input', ...(issue?.path ?? [])].join('.');
  throw badInput(`${field} ${issue?.message ?? 'is not valid'}.`, field);
}
