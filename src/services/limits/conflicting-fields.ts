/**
 * Finds different fields with the same name in the answer ("fields can merge", section 5.3.2 of the GraphQL
 * specification). graphql-js compares each pair of fields: a hundred more tokens take four times as long, up to
 * hundreds of milliseconds. Here fields are grouped, and each is compared with the first of its group (S. Adameit,
 * https://tech.xing.com/graphql-overlapping-fields-can-be-merged-fast-ea6e92e0a01).
 */
import {
  getNamedType,
  GraphQLError,
  isCompositeType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type InlineFragmentNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { fragmentsOf, walkSelections, type Fragments, type Walk } from '../../kernel/request/selections.js';

/** The most fields that are compared; those of a fragment count at each spread. Nested fragments multiply them. */
export const MOST_COMPARED = 10_000;

/** The first conflict of an otherwise valid document, or an error that it has too many fields to check. */
export function conflictingFields(schema: GraphQLSchema, document: DocumentNode): GraphQLError | undefined {
  const comparison = new Comparison(schema, document);
  try {
    for (const node of document.definitions) {
      if (node.kind !== Kind.OPERATION_DEFINITION) continue;
      const type = schema.getRootType(node.operation);
      if (type) comparison.compare([{ set: node.selectionSet, type }], 'both');
    }
    return undefined;
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

/** A selection set, and the type of its objects. */
interface Typed {
  readonly set: SelectionSetNode;
  readonly type: GraphQLNamedType;
}

interface Entry {
  readonly node: FieldNode;
  readonly parent: GraphQLNamedType;
  readonly type: GraphQLOutputType;
}

/** The type of the selections' objects, and the groups of their fields. */
interface Place {
  readonly type: GraphQLNamedType;
  readonly groups: Map<string, Entry[]>;
}

/**
 * What is compared. Fields with the same name in the answer need values of the same shape. If they may belong to one
 * object, they must also be the same field with the same arguments.
 */
type Aspect = 'shape' | 'field' | 'both';

class Comparison implements Walk<Place> {
  readonly #schema: GraphQLSchema;
  readonly fragments: Fragments;
  #left = MOST_COMPARED;

  constructor(schema: GraphQLSchema, document: DocumentNode) {
    this.#schema = schema;
    this.fragments = fragmentsOf(document);
  }

  /** @throws GraphQLError for the first conflict among fields selected together, and below them */
  compare(sets: readonly Typed[], aspect: Aspect): void {
    const groups = new Map<string, Entry[]>();
    const spread = new Set<string>();
    for (const { set, type } of sets) walkSelections(set, { type, groups }, this, spread);
    for (const [name, entries] of groups) {
      const shared = entries.length === 1 ? [entries] : ofOneObject(entries);
      if (aspect !== 'field') compareShapes(name, entries);
      if (aspect !== 'shape') for (const group of shared) compareFields(name, group);
      if (aspect === 'shape' || (aspect === 'both' && shared.length === 1)) {
        this.#compareBelow(entries, aspect);
      } else {
        if (aspect === 'both') this.#compareBelow(entries, 'shape');
        for (const group of shared) this.#compareBelow(group, 'field');
      }
    }
  }

  #compareBelow(entries: readonly Entry[], aspect: Aspect): void {
    const sets = entries.flatMap(({ node: { selectionSet }, type }) =>
      selectionSet ? [{ set: selectionSet, type: getNamedType(type) }] : [],
    );
    if (sets.length > 0) this.compare(sets, aspect);
  }

  visit(node: SelectionNode, { type: parent, groups }: Place): boolean {
    if (--this.#left < 0) throw tooManyFields();
    if (node.kind !== Kind.FIELD) return true;
    const type = this.#typeOf(parent, node.name.value);
    if (!type) return true;
    const name = node.alias?.value ?? node.name.value;
    const entry = { node, parent, type };
    const group = groups.get(name);
    if (group) group.push(entry);
    else groups.set(name, [entry]);
    return true;
  }

  within({ typeCondition }: InlineFragmentNode | FragmentDefinitionNode, place: Place): Place {
    const type = typeCondition && this.#schema.getType(typeCondition.name.value);
    return type ? { type, groups: place.groups } : place;
  }

  #typeOf(parent: GraphQLNamedType, field: string): GraphQLOutputType | undefined {
    if (field === TypeNameMetaFieldDef.name && isCompositeType(parent)) return TypeNameMetaFieldDef.type;
    if (parent === this.#schema.getQueryType()) {
      if (field === SchemaMetaFieldDef.name) return SchemaMetaFieldDef.type;
      if (field === TypeMetaFieldDef.name) return TypeMetaFieldDef.type;
    }
    return isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[field]?.type : undefined;
  }
}

/** The entries grouped by their object type; those of an interface or a union may belong to any. */
function ofOneObject(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const types = new Set(entries.map(({ parent }) => parent).filter(isObjectType));
  if (types.size < 2) return [entries];
  return [...types].map((type) => entries.filter(({ parent }) => parent === type || !isObjectType(parent)));
}

function compareShapes(name: string, [first, ...others]: readonly Entry[]): void {
  for (const other of others) {
    if (!haveOneShape(first!.type, other.type)) {
      const types = `"${String(first!.type)}" and "${String(other.type)}"`;
      throw conflict(name, `they return conflicting types ${types}`, [first!, other]);
    }
  }
}

function compareFields(name: string, [first, ...others]: readonly Entry[]): void {
  if (others.length === 0) return;
  const expected = argumentsOf(first!.node);
  for (const other of others) {
    const [one, two] = [first!.node.name.value, other.node.name.value];
    if (one !== two) throw conflict(name, `"${one}" and "${two}" are different fields`, [first!, other]);
    if (argumentsOf(other.node) !== expected) {
      throw conflict(name, 'they have differing arguments', [first!, other]);
    }
  }
}

function haveOneShape(one: GraphQLOutputType, other: GraphQLOutputType): boolean {
  if (one === other) return true;
  if (isListType(one)) return isListType(other) && haveOneShape(one.ofType, other.ofType);
  if (isNonNullType(one)) return isNonNullType(other) && haveOneShape(one.ofType, other.ofType);
  return !isListType(other) && !isNonNullType(other) && !isLeafType(one) && !isLeafType(other);
}

/** A text that is the same for equal arguments in any order. */
const argumentsOf = ({ arguments: given }: FieldNode): string => (given?.length ? namedValues(given) : '');

const namedValues = (
  nodes: readonly { readonly name: { readonly value: string }; readonly value: ValueNode }[],
) =>
  nodes
    .map(({ name, value }) => `${name.value}:${textOf(value)}`)
    .sort()
    .join(' ');

function textOf(node: ValueNode): string {
  switch (node.kind) {
    case Kind.OBJECT:
      return `{${namedValues(node.fields)}}`;
    case Kind.LIST:
      return `[${node.values.map(textOf).join(' ')}]`;
    case Kind.VARIABLE:
      return `$${node.name.value}`;
    case Kind.NULL:
      return 'null';
    case Kind.STRING:
      return JSON.stringify(node.value);
    default:
      return String(node.value);
  }
}

const conflict = (name: string, reason: string, entries: readonly Entry[]) =>
  new GraphQLError(
    `Fields "${name}" conflict because ${reason}. Use different aliases on the fields to fetch both if this was intentional.`,
    { nodes: entries.map(({ node }) => node) },
  );

/** The operations of a document have more fields than are compared. */
export const tooManyFields = () =>
  new GraphQLError(`The operations of the document have more than ${MOST_COMPARED} fields.`);
