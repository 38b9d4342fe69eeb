/** The points where a caller can pass a value: every argument on every path, and every field of its inputs. */
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
  /** The input fields from the argument to the value; empty for the argument itself. */
  readonly leaf: readonly string[];
  readonly type: GraphQLLeafType;
  readonly description: string;
}

/** How often a recursive input (`and: [Filter]`) is entered. */
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

/** Whether the value there identifies data; choices and sizes do not. */
export const takesValue = ({ type }: Point): boolean => isScalarType(type) && type.name !== 'Boolean';
