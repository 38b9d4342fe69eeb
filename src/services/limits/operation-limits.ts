/**
 * Refuses operations whose answer or execution would be too large, before anything is executed. The number of tokens
 * does not limit an answer, because aliases, fragments and pages multiply fields.
 */
import {
  getNamedType,
  getNullableType,
  getOperationAST,
  GraphQLError,
  isCompositeType,
  isInterfaceType,
  isIntrospectionType,
  isListType,
  isObjectType,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  type InlineFragmentNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type ValueNode,
} from 'graphql';
import { documentLimitsOf, type DocumentLimits } from '../../kernel/vocabulary/document-limits.js';
import { badInput, PublicError } from '../../kernel/vocabulary/errors.js';
import { usesOf } from '../../kernel/access/schema-types.js';
import { fragmentsOf, walkSelections, type Fragments, type Walk } from '../../kernel/request/selections.js';
import { introspectionSizes, reachBelow, THOROUGH, type Reach } from './introspection-work.js';
import { locate } from '../../kernel/graphql/locations.js';
import { MOST_IDS_OF_OPERATION, sizeByArguments, sizeByIds } from './list-sizes.js';
import { Cost, MOST_COST, MUTATION_COST, UNSIZED_LIST, type PageSize, type Variables } from './cost.js';

/** The most directives in an operation, including those of its variables and fragments. */
export const MOST_DIRECTIVES = 50;
/** The most fields of an operation. */
export const MOST_FIELDS = 5_000;

/** The most levels of introspection. Tools ask for a type inside up to 15 lists and non-null types: 21 levels. */
export const DEEPEST_INTROSPECTION = 40;
/** An operation may list the schema this many times as completely as the most thorough tool does. */
export const MOST_INTROSPECTIONS = 2;

function problemOf(shape: Shape, most: DocumentLimits): string | undefined {
  const { depth, introspectionDepth, introspected, aliases, directives, fields } = shape;
  if (introspectionDepth > DEEPEST_INTROSPECTION)
    return `The introspection is more than ${DEEPEST_INTROSPECTION} levels deep.`;
  if (introspected > 0 && introspected > shape.mostIntrospected)
    return `The operation lists the schema more than ${MOST_INTROSPECTIONS} times.`;
  if (depth > most.depth) return `The operation is more than ${most.depth} levels deep.`;
  if (aliases > most.aliases) return `The operation has more than ${most.aliases} aliases.`;
  if (directives > MOST_DIRECTIVES) return `The operation has more than ${MOST_DIRECTIVES} directives.`;
  return fields > MOST_FIELDS ? `The operation has more than ${MOST_FIELDS} fields.` : undefined;
}

/**
 * The cost of an operation of a valid document, with these variables or for any variables. Only the executed operation
 * is measured, once: a document may have others, and each may spread all of its fragments.
 *
 * @param most the most that it may cost; default: the limit of the server
 * @throws GRAPHQL_VALIDATION_FAILED for an operation that is too deep, or has too many aliases, directives or fields;
 * COST_LIMIT_EXCEEDED for one that costs more than `most`; BAD_USER_INPUT for one with too many ids
 */
export function limitOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables | 'least',
  most = MOST_COST,
): number {
  const shape = shapeOf(schema, document, operation);
  const problem = problemOf(shape, documentLimitsOf(schema));
  if (problem !== undefined) throw outOfProportion(problem, operation);
  const amount = (of: Cost) => (variables === 'least' ? of.least : of.of(variables));
  const cost = amount(shape.cost);
  if (cost > most) throw tooCostly(cost, most);
  const ids = amount(shape.ids);
  if (ids > MOST_IDS_OF_OPERATION) throw tooManyIds(ids);
  return cost;
}

function outOfProportion(problem: string, operation: OperationDefinitionNode): GraphQLError {
  const error = new GraphQLError(problem, {
    nodes: operation,
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
  });
  locate([error]);
  return error;
}

const tooCostly = (requested: number, limit: number) =>
  new PublicError(
    'COST_LIMIT_EXCEEDED',
    `The answer may hold ${requested} values, more than ${limit}: ask for smaller pages or fewer fields.`,
    { cost: { requested, limit } },
  );

const tooManyIds = (ids: number) =>
  badInput(
    `The operation asks for ${ids} objects by their ids, more than ${MOST_IDS_OF_OPERATION} in all its lists together.`,
  );

/**
 * The part of the cost for work that the answer does not show (`@cost`), with these variables. For an operation that
 * {@link limitOperation} has admitted.
 */
export const unseenCost = (
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
): number => shapeOf(schema, document, operation).cost.unseenOf(variables);

/** The measurements of an operation; the fields of a fragment count at each spread. */
interface Shape {
  readonly depth: number;
  readonly introspectionDepth: number;
  /** The estimated number of values of introspection. */
  readonly introspected: number;
  readonly mostIntrospected: number;
  readonly aliases: number;
  readonly directives: number;
  readonly fields: number;
  readonly cost: Cost;
  /** The number of ids in its lists of ids. */
  readonly ids: Cost;
}

/** Documents are cached (document-reader.ts), so their operations are measured once. */
const shapes = new WeakMap<OperationDefinitionNode, Shape>();

function shapeOf(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Shape {
  const known = shapes.get(operation);
  if (known) return known;
  const shape = new Measurement(schema, document, operation);
  shapes.set(operation, shape);
  return shape;
}

/** The number of values of introspection that an operation may have, in proportion to the size of the schema. */
const mostIntrospected = new WeakMap<GraphQLSchema, number>();

function mostIntrospectedOf(schema: GraphQLSchema): number {
  const known = mostIntrospected.get(schema);
  if (known !== undefined) return known;
  // While it is measured itself, there is no limit.
  mostIntrospected.set(schema, Infinity);
  const most =
    MOST_INTROSPECTIONS * new Measurement(schema, THOROUGH, getOperationAST(THOROUGH)!).introspected;
  mostIntrospected.set(schema, most);
  return most;
}

const ONE = new Cost();
ONE.add(1);

class Measurement implements Shape, Walk<Level> {
  depth = 0;
  introspectionDepth = 0;
  introspected = 0;
  aliases = 0;
  directives: number;
  fields = 0;
  readonly cost = new Cost();
  readonly ids = new Cost();
  private costOfRootField = 0;
  private readonly limits: DocumentLimits;
  readonly fragments: Fragments;
  private readonly defaults: ReadonlyMap<string, ValueNode | undefined>;

  constructor(
    private readonly schema: GraphQLSchema,
    document: DocumentNode,
    { operation, selectionSet, directives = [], variableDefinitions = [] }: OperationDefinitionNode,
  ) {
    this.limits = documentLimitsOf(schema);
    this.fragments = fragmentsOf(document);
    this.defaults = new Map(
      variableDefinitions.map(({ variable, defaultValue }) => [variable.name.value, defaultValue]),
    );
    this.directives = variableDefinitions.reduce(
      (count, variable) => count + (variable.directives?.length ?? 0),
      directives.length,
    );
    const root = schema.getRootType(operation);
    if (!root) return;
    this.costOfRootField = operation === OperationTypeNode.MUTATION ? MUTATION_COST : 0;
    walkSelections(
      selectionSet,
      {
        type: root,
        depth: 1,
        page: undefined,
        cost: this.cost,
        ids: this.ids,
        times: 1,
        reach: 'any',
        ofTypes: 0,
      },
      this,
    );
  }

  get mostIntrospected(): number {
    return mostIntrospectedOf(this.schema);
  }

  visit(node: SelectionNode, level: Level): boolean {
    // A limit is exceeded; nested fragments could otherwise take very long.
    if (problemOf(this, this.limits) !== undefined) return false;
    this.directives += node.directives?.length ?? 0;
    if (node.kind === Kind.FIELD) this.addField(node, level);
    return true;
  }

  within(fragment: InlineFragmentNode | FragmentDefinitionNode, level: Level): Level | undefined {
    const { kind, typeCondition, directives } = fragment;
    const type = typeCondition ? this.typeOf(typeCondition.name.value) : level.type;
    if (!type) return undefined;
    if (kind === Kind.FRAGMENT_DEFINITION) this.directives += directives?.length ?? 0;
    return { ...level, type };
  }

  private addField(node: FieldNode, level: Level): void {
    const { type, depth, page, cost, ids } = level;
    this.fields++;
    if (node.alias) this.aliases++;
    if (depth === 1) cost.add(this.costOfRootField);
    const introspection = this.addIntrospection(node, level);
    const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[node.name.value] : undefined;
    const below = field ? getNamedType(field.type) : this.introspectionType(node);
    const ownIds = field && sizeByIds(field, node, this.defaults);
    if (ownIds !== undefined) ids.addList(ownIds, ONE);
    const [work] = field ? usesOf(field, 'cost') : [];
    if (work) cost.addUnseen(Number(work['points']));
    if (!node.selectionSet || !below || !isCompositeType(below)) return cost.add(1);

    const each = new Cost();
    const idsOfEach = new Cost();
    each.add(1);
    const ownPage = field && sizeByArguments(field, node, this.defaults);
    const isList = field !== undefined && isListType(getNullableType(field.type));
    const inner = {
      type: below,
      depth: depth + 1,
      page: isList ? undefined : ownPage,
      cost: each,
      ids: idsOfEach,
      ...introspection,
    };
    walkSelections(node.selectionSet, inner, this);
    // Introspection has a limit of its own.
    const size = isList && !isIntrospectionType(below) ? (ownPage ?? page ?? UNSIZED_LIST) : 1;
    cost.addList(size, each);
    if (!idsOfEach.isEmpty) ids.addList(size, idsOfEach);
  }

  /** Counts the field, and returns how often selections below it are made. */
  private addIntrospection(
    { name: { value: name } }: FieldNode,
    { type, depth, times, reach, ofTypes }: Level,
  ): Pick<Level, 'times' | 'reach' | 'ofTypes'> {
    if (!isIntrospectionType(type)) {
      this.depth = Math.max(this.depth, depth);
      return { times, reach, ofTypes };
    }
    this.introspectionDepth = Math.max(this.introspectionDepth, depth);
    this.introspected += times;
    const sizes = introspectionSizes(this.schema);
    const unwrapped = name === 'ofType' ? ofTypes + 1 : 0;
    return {
      times: unwrapped > sizes.wrapped ? 0 : times * sizes.of(type.name, name, reach),
      reach: reachBelow(type.name, name, reach),
      ofTypes: unwrapped,
    };
  }

  /** `__schema` and `__type` are not fields of the root type. */
  private introspectionType({ name }: FieldNode): GraphQLNamedType | undefined {
    if (name.value === '__schema') return this.typeOf('__Schema');
    return name.value === '__type' ? this.typeOf('__Type') : undefined;
  }

  private typeOf(name: string | undefined): GraphQLNamedType | undefined {
    return name === undefined ? undefined : this.schema.getType(name);
  }
}

/** The position of a selection set. */
interface Level {
  readonly type: GraphQLNamedType;
  readonly depth: number;
  /** Its lists belong to a connection with this many rows. */
  readonly page: number | PageSize | undefined;
  readonly cost: Cost;
  readonly ids: Cost;
  /** How many objects of introspection the selections are made for. */
  readonly times: number;
  readonly reach: Reach;
  /** The number of `ofType` directly above. */
  readonly ofTypes: number;
}
