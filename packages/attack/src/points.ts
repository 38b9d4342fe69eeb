/** Where a caller can give a value: every argument on every path, and every field of the inputs in it. */
import {
  getNamedType,
  isInputObjectType,
  isLeafType,
  isScalarType,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLLeafType,
  type GraphQLSchema,
} from 'graphql';
import { nameOf, queryPaths, rootPaths, type OperationKind, type Path } from './operations.js';

export interface Point {
  /** `Query.members(filter.userId:)` */
  readonly name: string;
  readonly path: Path;
  readonly argument: GraphQLArgument;
  /** The fields of inputs that lead from the argument to the value; none when it is the argument itself. */
  readonly leaf: readonly string[];
  readonly type: GraphQLLeafType;
  readonly description: string;
}

/** An input may contain itself (`and: [Filter]`): so many times it is entered. */
const INPUT_REPETITIONS = 2;

/** Of queries the points on every path, of mutations and subscriptions those of the root fields. */
export function pointsOf(schema: GraphQLSchema, operation: OperationKind): Point[] {
  const paths = operation === 'query' ? queryPaths(schema) : rootPaths(schema, operation);
  return paths.flatMap((path) =>
    path.steps.at(-1)!.field.args.flatMap((argument) =>
      leavesOf(argument, []).map(({ leaf, type, description }) => ({
        name: `${nameOf(path)}(${[argument.name, ...leaf].join('.')}:)`,
        path,
        argument,
        leaf,
        type,
        description,
      })),
    ),
  );
}

interface Leaf {
  readonly leaf: readonly string[];
  readonly type: GraphQLLeafType;
  readonly description: string;
}

function leavesOf(
  {
    type,
    description,
  }: { readonly type: GraphQLInputType; readonly description?: string | null | undefined },
  within: readonly string[],
): Leaf[] {
  const named = getNamedType(type);
  if (isLeafType(named)) return [{ leaf: [], type: named, description: description ?? '' }];
  if (!isInputObjectType(named)) return [];
  if (within.filter((name) => name === named.name).length >= INPUT_REPETITIONS) return [];
  return Object.values(named.getFields()).flatMap((field: GraphQLInputField) =>
    leavesOf(field, [...within, named.name]).map((leaf) => ({ ...leaf, leaf: [field.name, ...leaf.leaf] })),
  );
}

/** Whether a value is given there to say whose or what is meant; a choice or a size is no such value. */
export const takesValue = ({ type }: Point): boolean => isScalarType(type) && type.name !== 'Boolean';
