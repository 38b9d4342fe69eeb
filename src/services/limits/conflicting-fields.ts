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
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';

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

/**
 * What is compared. Fields with the same name in the answer need values of the same shape. If they may belong to one
 * object, they must also be the same field with the same arguments.
 */
type Aspect = 'shape' | 'field' | 'both';

class Comparison {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  #left = MOST_COMPARED;

  constructor(
    private readonly schema: GraphQLSchema,
    { definitions }: DocumentNode,
  ) {
    this.#fragments = new Map(
      definitions.flatMap((node) =>
        node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node]] : [],
      ),
    );
  }

  /** @throws GraphQLError for the first conflict among fields selected together, and below them */
  compare(sets: readonly Typed[], aspect: Aspect): void {
    const groups = new Map<string, Entry[]>();
    const spread = new Set<string>();
    for (const typed of sets) this.#collect(typed, groups, spread);
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

  /** @param spread fragments already collected: another spread of one adds nothing */
  #collect({ set, type }: Typed, groups: Map<string, Entry[]>, spread: Set<string>): void {
    for (const selection of set.selections) {
      if (--this.#left < 0) throw tooManyFields();
      if (selection.kind === Kind.FIELD) {
        const fieldType = this.#typeOf(type, selection.name.value);
        if (!fieldType) continue;
        const name = selection.alias?.value ?? selection.name.value;
        const entry = { node: selection, parent: type, type: fieldType };
        const group = groups.get(name);
        if (group) group.push(entry);
        else groups.set(name, [entry]);
        continue;
      }
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        if (spread.has(selection.name.value)) continue;
        spread.add(selection.name.value);
      }
      const fragment =
        selection.kind === Kind.FRAGMENT_SPREAD ? this.#fragments.get(selection.name.value) : selection;
      if (!fragment) continue;
      const condition = fragment.typeCondition && this.schema.getType(fragment.typeCondition.name.value);
      this.#collect({ set: fragment.selectionSet, type: condition ?? type }, groups, spread);
    }
  }

  #typeOf(parent: GraphQLNamedType, field: string): GraphQLOutputType | undefined {
    if (field === TypeNameMetaFieldDef.name && isCompositeType(parent)) return TypeNameMetaFieldDef.type;
    if (parent === this.schema.getQueryType()) {
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

const tooManyFields = () =>
  new GraphQLError(`The operations of the document have more than ${MOST_COMPARED} fields.`);
