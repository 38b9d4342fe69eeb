/**
 * Numbers that JavaScript does not keep. Numbers of JSON and GraphQL have any size. JavaScript rounds them to 64 bits
 * of floating point without an error: `9007199254740993` becomes `9007199254740992`, and `1e400` infinite.
 */
import {
  getNamedType,
  GraphQLError,
  GraphQLFloat,
  type ASTVisitor,
  type FloatValueNode,
  type IntValueNode,
  type ValidationContext,
} from 'graphql';
import { badInput } from '../vocabulary/errors.js';

const INTEGER = /^-?\d+$/;

/**
 * Whether the number written as `text` is kept: a whole number with all its digits, any other as a finite number that
 * is zero only when `text` is. Fractions are rounded to the nearest number of 64 bits.
 */
export function isKept(text: string): boolean {
  const value = Number(text);
  if (!Number.isFinite(value)) return false;
  if (!INTEGER.test(text)) return value !== 0 || !/[1-9]/.test(text.split(/e/i, 1)[0]!);
  // JavaScript writes 2 ** 63 as `9223372036854776000`, and reads the same number from both.
  return Number.isSafeInteger(value) || String(value) === text || BigInt(value).toString() === text;
}

const message = (number: string) =>
  `The number ${number.length > 50 ? `${number.slice(0, 50)}…` : number} cannot be kept exactly: send it as text.`;

/** A JSON text without a match has no lost number: those have 16 digits or more, or an exponent of three. */
const SUSPICIOUS = /\d{16}|\de[+-]?\d{3}/i;

/** A string, also one without an end, or a number. Takes linear time for any text. */
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)|-?\d[\d.eE+-]*/gs;

/**
 * Checks the numbers of a JSON text, before `JSON.parse` rounds them.
 *
 * @throws BAD_USER_INPUT for the first number that is not kept
 */
export function refuseLostNumbers(json: string): void {
  if (!SUSPICIOUS.test(json)) return;
  for (const [token] of json.matchAll(STRING_OR_NUMBER)) {
    if (!token.startsWith('"') && !isKept(token)) throw badInput(message(token));
  }
}

/**
 * A validation rule: numbers in a document that are for a Float must be kept. Other scalars check their own literals,
 * whose text they get.
 */
export function floatsAreKept(context: ValidationContext): ASTVisitor {
  const check = (node: IntValueNode | FloatValueNode) => {
    const type = context.getInputType();
    if (!type || getNamedType(type) !== GraphQLFloat || isKept(node.value)) return;
    context.reportError(new GraphQLError(message(node.value), { nodes: node }));
  };
  return { IntValue: check, FloatValue: check };
}

/** The error that {@link refuseLostNumbers} throws for a message; undefined when it throws none. */
export function lostNumberIn(message: string): GraphQLError | undefined {
  try {
    refuseLostNumbers(message);
    return undefined;
  } catch (error) {
    return error as GraphQLError;
  }
}
