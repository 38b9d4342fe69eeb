/**
 * Completes the descriptions of the modules' SDL before the schema is built, because introspection shows descriptions but
 * not directives. Each sentence about access is made from the directive that the guard is made from, so the two cannot
 * disagree.
 */
import {
  Kind,
  valueFromASTUntyped,
  type ConstDirectiveNode,
  type DefinitionNode,
  type DocumentNode,
  type EnumTypeDefinitionNode,
  type EnumTypeExtensionNode,
  type FieldDefinitionNode,
  type InputValueDefinitionNode,
  type StringValueNode,
} from 'graphql';
import type { DocumentLimits } from '../vocabulary/document-limits.js';
import { enumName, ROLES, type RoleMatrix } from '../vocabulary/permissions.js';
import { SharedDescriptions } from './shared-descriptions.js';

type Directives = readonly ConstDirectiveNode[] | undefined;

/** The SDL with all descriptions. */
export interface DescribedSdl {
  readonly document: DocumentNode;
  /** The coordinates of the parts that neither their module nor the kernel describes. */
  readonly undescribed: readonly string[];
}

/**
 * The SDL as one document in which
 *
 * - parts without a description have the one of {@link SharedDescriptions}, if there is one;
 * - types and fields say which permission they require, and root fields also when they require none;
 * - arguments, fields of inputs and values of enums say which permission they require;
 * - the type Query says the limits of documents;
 * - fields with `@secret` say that they are shown once, and mutations which codes their errors have;
 * - each permission says how it is written in keys and errors, and which roles hold it.
 *
 * @param everybody to whom a part with `@authenticated` is open
 */
export function describedDocument(
  definitions: readonly DefinitionNode[],
  roles: RoleMatrix,
  limits: DocumentLimits,
  everybody = 'member of the tenant',
): DescribedSdl {
  const description = new Description(definitions, { roles, limits, everybody });
  const document: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: definitions.map((each) => description.of(each)),
  };
  return { document, undescribed: description.undescribed };
}

class Description {
  readonly #shared: SharedDescriptions;
  readonly #roles: RoleMatrix;
  readonly #limits: DocumentLimits;
  readonly #everybody: string;
  /** The guard of each object type, which may be in an extension of it. */
  readonly #guards = new Map<string, Directives>();
  readonly #undescribed: string[] = [];

  constructor(
    definitions: readonly DefinitionNode[],
    {
      roles,
      limits,
      everybody,
    }: { readonly roles: RoleMatrix; readonly limits: DocumentLimits; readonly everybody: string },
  ) {
    this.#shared = new SharedDescriptions(definitions);
    this.#roles = roles;
    this.#limits = limits;
    this.#everybody = everybody;
    for (const each of definitions) {
      const isObject = each.kind === Kind.OBJECT_TYPE_DEFINITION || each.kind === Kind.OBJECT_TYPE_EXTENSION;
      if (isObject && isGuarded(each.directives)) this.#guards.set(each.name.value, each.directives);
    }
  }

  get undescribed(): readonly string[] {
    return this.#undescribed;
  }

  of(node: DefinitionNode): DefinitionNode {
    switch (node.kind) {
      case Kind.OBJECT_TYPE_DEFINITION:
      case Kind.INTERFACE_TYPE_DEFINITION:
        return {
          ...this.#type(node, [
            node.name.value === 'Query' ? limitsSentence(this.#limits) : undefined,
            this.#access(this.#guards.get(node.name.value)),
          ]),
          ...this.#fieldsOf(node),
        };
      case Kind.OBJECT_TYPE_EXTENSION:
      case Kind.INTERFACE_TYPE_EXTENSION:
        return { ...node, ...this.#fieldsOf(node) };
      case Kind.INPUT_OBJECT_TYPE_DEFINITION:
        return { ...this.#type(node), ...this.#inputsOf(node) };
      case Kind.INPUT_OBJECT_TYPE_EXTENSION:
        return { ...node, ...this.#inputsOf(node) };
      case Kind.ENUM_TYPE_DEFINITION:
        return { ...this.#type(node), ...this.#valuesOf(node) };
      case Kind.ENUM_TYPE_EXTENSION:
        return { ...node, ...this.#valuesOf(node) };
      case Kind.SCALAR_TYPE_DEFINITION:
      case Kind.UNION_TYPE_DEFINITION:
        return this.#type(node);
      case Kind.DIRECTIVE_DEFINITION: {
        const coordinate = `@${node.name.value}`;
        return {
          ...this.#described(node, coordinate, undefined),
          arguments: (node.arguments ?? []).map((each) =>
            this.#described(each, `${coordinate}(${each.name.value}:)`, undefined),
          ),
        };
      }
      default:
        return node;
    }
  }

  #type<Node extends Described & Named>(node: Node, sentences?: readonly (string | undefined)[]): Node {
    const { value: name } = node.name;
    return this.#described(node, name, this.#shared.ofType(name), sentences);
  }

  #fieldsOf({ name: { value: type }, fields }: Members<FieldDefinitionNode>) {
    return fields && { fields: fields.map((field) => this.#field(type, field)) };
  }

  #field(type: string, field: FieldDefinitionNode): FieldDefinitionNode {
    const coordinate = `${type}.${field.name.value}`;
    const own = isGuarded(field.directives) ? field.directives : undefined;
    // That any member may read the fields of a type is said once, at the type.
    const guard = own ?? usesOf(this.#guards.get(type), 'requires');
    const sentences = [
      this.#access(guard),
      shownOnce(type, field),
      costOf(field),
      errorsOf(field.directives),
    ];
    return {
      ...this.#described(field, coordinate, this.#shared.ofField(type, field), sentences),
      arguments: (field.arguments ?? []).map((each) =>
        this.#input(each, `${coordinate}(${each.name.value}:)`, this.#shared.ofArgument(each)),
      ),
    };
  }

  #inputsOf({ name: { value: input }, fields }: Members<InputValueDefinitionNode>) {
    return (
      fields && {
        fields: fields.map((field) =>
          this.#input(field, `${input}.${field.name.value}`, this.#shared.ofInputField(input, field)),
        ),
      }
    );
  }

  #valuesOf({ name: { value: type }, values }: EnumTypeDefinitionNode | EnumTypeExtensionNode) {
    return (
      values && {
        values: values.map((value) => {
          const { value: name } = value.name;
          const shared =
            type === 'Permission' ? this.#permission(name) : this.#shared.ofEnumValue(type, name);
          return this.#input(value, `${type}.${name}`, shared);
        }),
      }
    );
  }

  #input<Node extends Described & { readonly directives?: Directives }>(
    node: Node,
    coordinate: string,
    shared: string | undefined,
  ): Node {
    return this.#described(node, coordinate, shared, [this.#access(node.directives)]);
  }

  /** The node with its own or the shared description, followed by the sentences. */
  #described<Node extends Described>(
    node: Node,
    coordinate: string,
    shared: string | undefined,
    sentences: readonly (string | undefined)[] = [],
  ): Node {
    const text = node.description?.value ?? shared;
    if (text === undefined) this.#undescribed.push(coordinate);
    const added = sentences.filter((each) => each !== undefined).join(' ');
    const separator = text?.includes('\n') ? '\n\n' : ' ';
    const value = [text, added].filter((each) => each !== undefined && each !== '').join(separator);
    return value === '' ? node : { ...node, description: { kind: Kind.STRING, value, block: true } };
  }

  /** The sentence about a guard; undefined without one. */
  #access(directives: Directives): string | undefined {
    const [required] = usesOf(directives, 'requires');
    if (required) {
      const name = String(argumentOf(required, 'permission'));
      const permission = this.#roles.permissions.find((each) => enumName(each) === name);
      return `Requires the permission \`${permission ?? name}\`.`;
    }
    const [open] = usesOf(directives, 'authenticated');
    if (!open) return undefined;
    return argumentOf(open, 'member') === false
      ? 'Open to every user with a verified token, member of the tenant or not.'
      : `Open to every ${this.#everybody}.`;
  }

  #permission(name: string): string | undefined {
    const permission = this.#roles.permissions.find((each) => enumName(each) === name);
    if (permission === undefined) return undefined;
    const holders = ROLES.filter((role) => this.#roles.of(role).has(permission));
    const held = holders.length > 0 ? `The roles that hold it: ${holders.join(', ')}.` : 'No role holds it.';
    return `\`${permission}\` in tokens, keys and errors. ${held}`;
  }
}

interface Named {
  readonly name: { readonly value: string };
}

interface Members<Member> extends Named {
  readonly fields?: readonly Member[];
}

interface Described {
  readonly description?: StringValueNode;
}

const limitsSentence = ({ tokens, depth, aliases }: DocumentLimits) =>
  `A document has at most ${tokens} tokens, an operation ${depth} levels of fields and ${aliases} aliases.`;

function shownOnce(type: string, { directives }: FieldDefinitionNode): string | undefined {
  if (usesOf(directives, 'secret').length === 0) return undefined;
  return type === 'Mutation'
    ? 'It takes no `Idempotency-Key`.'
    : 'It is shown only once. A mutation that selects it takes no `Idempotency-Key`.';
}

function costOf({ directives }: FieldDefinitionNode): string | undefined {
  const [cost] = usesOf(directives, 'cost');
  return cost && `It costs ${String(argumentOf(cost, 'points'))} points besides its answer.`;
}

/** A mutation that requires a permission may always be refused, so its `@errors` need not say FORBIDDEN. */
function errorsOf(directives: Directives): string | undefined {
  const [declared] = usesOf(directives, 'errors');
  if (!declared) return undefined;
  const codes = argumentOf(declared, 'codes');
  const all = new Set<unknown>(usesOf(directives, 'requires').length > 0 ? ['FORBIDDEN'] : []);
  for (const code of Array.isArray(codes) ? codes : [codes]) all.add(code);
  return `Its errors: ${[...all].map((code) => `\`${String(code)}\``).join(', ')}.`;
}

const usesOf = (directives: Directives, name: string): readonly ConstDirectiveNode[] =>
  directives?.filter((each) => each.name.value === name) ?? [];

const isGuarded = (directives: Directives): boolean =>
  usesOf(directives, 'requires').length + usesOf(directives, 'authenticated').length > 0;

const argumentOf = (directive: ConstDirectiveNode, name: string): unknown => {
  const value = directive.arguments?.find((each) => each.name.value === name)?.value;
  return value && valueFromASTUntyped(value);
};
