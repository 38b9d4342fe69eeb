/**
 * The descriptions of what all modules have in common: connections, their arguments, payloads, inputs, filters and
 * orders. A module that writes its own description keeps it.
 */
import {
  Kind,
  type DefinitionNode,
  type InterfaceTypeDefinitionNode,
  type InterfaceTypeExtensionNode,
  type ObjectTypeDefinitionNode,
  type ObjectTypeExtensionNode,
  type TypeNode,
} from 'graphql';

/** A field, an argument or a field of an input, with the name of its type. */
interface Member {
  readonly name: { readonly value: string };
  readonly type: TypeNode;
}

const ROOT_TYPES: Readonly<Record<string, string>> = {
  Query:
    'Reads. A field that the caller may not read is null, with an error that names the missing permission.',
  Mutation: 'Changes. The root fields of an operation run one after the other, each in its own transaction.',
  Subscription: 'Events. Access is checked again for each event.',
};

/** Fields with the same meaning in all object types, by name and type. */
const FIELDS: Readonly<Record<string, string>> = {
  'id: ID': 'The id of the object.',
  'createdAt: DateTime': 'When the object was created.',
  'updatedAt: DateTime': 'When the object was last changed.',
  'version: Int': 'Grows by one with each change. An update takes it as `expectedVersion`.',
  'deletedId: ID': 'The id of the deleted object.',
  'pageInfo: PageInfo': 'The position of this page in the whole list.',
  'kind: ChangeKind': 'What happened to the object.',
};

const CONNECTION_FIELDS: Readonly<Record<string, string>> = {
  nodes: 'The objects of this page.',
  edges: 'The objects of this page, each with its cursor.',
  totalCount: 'The number of objects on all pages. They are counted only when this field is selected.',
};

const EDGE_FIELDS: Readonly<Record<string, string>> = {
  node: 'The object.',
  cursor: 'The position of the object in its list, for the arguments `after` and `before`.',
};

const ARGUMENTS: Readonly<Record<string, string>> = {
  'id: ID': 'The id of the object.',
  'first: Int': 'At most this many objects, from the start or after `after`: 0 to 100, 20 by default.',
  'after: String': 'Only objects after this cursor.',
  'last: Int': 'At most this many objects, from the end or before `before`: 0 to 100.',
  'before: String': 'Only objects before this cursor.',
};

const INPUT_FIELDS: Readonly<Record<string, string>> = {
  'id: ID': 'The id of the object.',
  'expectedVersion: Int':
    'The `version` that is to be changed. If the object has another version, the answer is CONFLICT and nothing changes.',
};

const ORDER_FIELDS: Readonly<Record<string, string>> = {
  field: 'What the list is ordered by.',
  direction: 'Ascending or descending.',
};

/** What a schema says about its own parts, by their names and types. */
export class SharedDescriptions {
  /** The names of object types and interfaces. */
  readonly #types = new Set<string>();
  /** The types of their fields, by coordinate. */
  readonly #members = new Map<string, string>();
  /** Written descriptions of their fields, by coordinate. */
  readonly #texts = new Map<string, string>();
  /** The mutations by the names of their payloads and inputs. */
  readonly #mutations = new Map<string, string>();
  /** The interfaces of each type. */
  readonly #interfaces = new Map<string, readonly string[]>();

  constructor(definitions: readonly DefinitionNode[]) {
    for (const definition of definitions) this.#read(definition);
  }

  ofType(name: string): string | undefined {
    if (Object.hasOwn(ROOT_TYPES, name)) return ROOT_TYPES[name];
    const mutation = this.#mutations.get(name);
    if (mutation !== undefined)
      return `The ${name.endsWith('Input') ? 'input' : 'answer'} of the mutation \`${mutation}\`.`;
    const listed = name.replace(/(Connection|Edge|Filter|Order|OrderField)$/, '');
    if (listed === name || !this.#types.has(listed)) return undefined;
    if (this.#isConnection(name)) return `A page of a list of \`${listed}\`.`;
    if (this.#isEdge(name)) return `A \`${listed}\` in a list, with its cursor.`;
    if (name.endsWith('Filter'))
      return `Conditions for a list of \`${listed}\`. An object must meet all that are given.`;
    if (name.endsWith('OrderField')) return `What a list of \`${listed}\` can be ordered by.`;
    return name.endsWith('Order') ? `The order of a list of \`${listed}\`.` : undefined;
  }

  ofField(type: string, member: Member): string | undefined {
    const { value: name } = member.name;
    if (this.#isConnection(type) && Object.hasOwn(CONNECTION_FIELDS, name)) return CONNECTION_FIELDS[name];
    if (this.#isEdge(type) && Object.hasOwn(EDGE_FIELDS, name)) return EDGE_FIELDS[name];
    const named = FIELDS[signatureOf(member)];
    if (named !== undefined) return named;
    const ofInterface = (this.#interfaces.get(type) ?? [])
      .map((each) => this.#texts.get(`${each}.${name}`))
      .find((each) => each !== undefined);
    if (ofInterface !== undefined) return ofInterface;
    return type.endsWith('Payload') && this.#types.has(nameOf(member.type))
      ? `The \`${nameOf(member.type)}\` as it is after the change.`
      : undefined;
  }

  ofArgument(member: Member): string | undefined {
    const { value: name } = member.name;
    const type = nameOf(member.type);
    if (name === 'filter' && type.endsWith('Filter')) return 'Only objects that meet these conditions.';
    if (name === 'orderBy' && type.endsWith('Order')) return 'The order of the list.';
    if (name === 'input' && type.endsWith('Input')) return 'What to change, and how.';
    return ARGUMENTS[signatureOf(member)];
  }

  ofInputField(input: string, member: Member): string | undefined {
    const { value: name } = member.name;
    if (input.endsWith('Order') && Object.hasOwn(ORDER_FIELDS, name)) return ORDER_FIELDS[name];
    if (input.endsWith('Filter')) {
      const filtered = `${input.replace(/Filter$/, '')}.${name}`;
      if (!this.#members.has(filtered)) return undefined;
      if (member.type.kind === Kind.LIST_TYPE) return `Only objects whose \`${name}\` is one of these.`;
      const isRange = /(Range|Filter)$/.test(nameOf(member.type));
      return isRange ? `Only objects whose \`${name}\` matches.` : `Only objects with this \`${name}\`.`;
    }
    return INPUT_FIELDS[signatureOf(member)];
  }

  /** The values of an enum `XOrderField` are fields of `X`. */
  ofEnumValue(type: string, value: string): string | undefined {
    if (!type.endsWith('OrderField')) return undefined;
    const field = value
      .toLowerCase()
      .replace(/_+([a-z\d])/g, (_match, letter: string) => letter.toUpperCase());
    return this.#members.has(`${type.replace(/OrderField$/, '')}.${field}`) ? `By \`${field}\`.` : undefined;
  }

  #read(definition: DefinitionNode): void {
    if (!hasFields(definition)) return;
    const type = definition.name.value;
    this.#types.add(type);
    const implemented = definition.interfaces?.map(({ name }) => name.value) ?? [];
    this.#interfaces.set(type, [...(this.#interfaces.get(type) ?? []), ...implemented]);
    for (const field of definition.fields ?? []) {
      const coordinate = `${type}.${field.name.value}`;
      this.#members.set(coordinate, nameOf(field.type));
      if (field.description) this.#texts.set(coordinate, field.description.value);
      if (type !== 'Mutation') continue;
      for (const each of [field, ...(field.arguments ?? [])]) {
        const name = nameOf(each.type);
        if (/(Payload|Input)$/.test(name)) this.#mutations.set(name, field.name.value);
      }
    }
  }

  readonly #isConnection = (type: string): boolean =>
    type.endsWith('Connection') && this.#members.get(`${type}.pageInfo`) === 'PageInfo';

  readonly #isEdge = (type: string): boolean =>
    type.endsWith('Edge') && this.#members.has(`${type}.node`) && this.#members.has(`${type}.cursor`);
}

type WithFields =
  | ObjectTypeDefinitionNode
  | ObjectTypeExtensionNode
  | InterfaceTypeDefinitionNode
  | InterfaceTypeExtensionNode;

const WITH_FIELDS: readonly string[] = [
  Kind.OBJECT_TYPE_DEFINITION,
  Kind.OBJECT_TYPE_EXTENSION,
  Kind.INTERFACE_TYPE_DEFINITION,
  Kind.INTERFACE_TYPE_EXTENSION,
];

const hasFields = (node: DefinitionNode): node is WithFields => WITH_FIELDS.includes(node.kind);

const nameOf = (type: TypeNode): string =>
  type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type);

const signatureOf = ({ name, type }: Member): string => `${name.value}: ${nameOf(type)}`;
