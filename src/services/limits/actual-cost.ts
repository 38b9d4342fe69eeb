/** The cost of an answer, counted like the requested cost of its operation (operation-limits.ts). */
import { OperationTypeNode, type FormattedExecutionResult, type OperationDefinitionNode } from 'graphql';
import { MUTATION_COST } from './cost.js';

type Answer = Readonly<Record<string, unknown>>;

/** The work was done, and its result cannot be sent. */
const WORK_IN_VAIN: ReadonlySet<unknown> = new Set(['ANSWER_TOO_LARGE', 'DEADLINE_EXCEEDED']);

/** The cost of an operation that was refused before it was executed. */
const COST_OF_REFUSAL = 1;

/**
 * The number of values in an answer: one for each field, and each object of a list. Each root field of a mutation adds
 * what its rows and audit entries cost.
 *
 * It may exceed the requested cost: the values inside a scalar that is an object (JSON) count too, and it is infinite
 * when the answer does not show how much work was done.
 *
 * @param unseen what the operation costs besides the values of its answer: see `unseenCost`
 */
export function actualCost(
  { operation }: OperationDefinitionNode,
  { data, errors = [] }: FormattedExecutionResult,
  unseen = 0,
): number {
  if (data === undefined)
    return errors.some(({ extensions }) => WORK_IN_VAIN.has(extensions?.['code']))
      ? Infinity
      : COST_OF_REFUSAL;
  // A field that may not be null has failed, after others were resolved.
  if (data === null) return Infinity;
  const values = unseen + valuesOf(data);
  if (operation !== OperationTypeNode.MUTATION) return values;
  return values + MUTATION_COST * Object.keys(data).length;
}

function valuesOf(object: Answer): number {
  let values = 0;
  // Answers have no prototype, or that of Object, which has no enumerable properties.
  for (const key in object) {
    const value = object[key];
    values += typeof value === 'object' && value !== null ? costOf(value) : 1;
  }
  return values;
}

/**
 * A list costs what its objects cost, and one for each null: an object that was looked up and not found. A list of
 * scalars, or one without rows, costs nothing more than its field.
 */
function costOf(value: object): number {
  if (!Array.isArray(value)) return value instanceof Date ? 1 : 1 + valuesOf(value as Answer);
  let values = 0;
  for (const item of value as readonly unknown[]) {
    if (item === null) values++;
    else if (typeof item === 'object') values += costOf(item);
  }
  return Math.max(1, values);
}
