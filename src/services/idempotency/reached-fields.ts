/** The fields that an operation may select, determined before it runs. */
import {
  getNamedType,
  isAbstractType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
} from 'graphql';
import { fragmentsOf, type Fragments } from '../../kernel/request/selections.js';

/** A root field of an operation, with its name in the answer. */
export interface ReachedRoot {
  readonly nodes: FieldNode[];
  /** The coordinates of all fields selected through it, `Mutation.updateTenant` and `Tenant.plan`; its own first. */
  readonly fields: Set<string>;
}

/**
 * The root fields of a valid operation by their names in the answer, with all fields below them. `@skip` and `@include`
 * are ignored: a field that may be selected counts as selected.
 */
export function reachedFields(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): ReadonlyMap<string, ReachedRoot> {
  const roots = new Map<string, ReachedRoot>();
  const rootType = schema.getRootType(operation.operation);
  if (!rootType) return roots;
  const walk = new Walk(schema, document);
  walk.fieldsOf(operation.selectionSet.selections, [rootType], new Set(), (node) => {
    const name = node.alias?.value ?? node.name.value;
    const root = roots.get(name) ?? { nodes: [], fields: new Set() };
    roots.set(name, root);
    root.nodes.push(node);
    walk.reach(node, [rootType], root.fields, new Set());
  });
  return roots;
}

type Types = readonly GraphQLObjectType[];

class Walk {
  private readonly fragments: Fragments;

  constructor(
    private readonly schema: GraphQLSchema,
    document: DocumentNode,
  ) {
    this.fragments = fragmentsOf(document);
  }

  /** Adds the coordinates of a field, which is selected on objects of these types, and of all below it. */
  reach(node: FieldNode, types: Types, fields: Set<string>, spread: Set<string>): void {
    for (const type of types) {
      const field = type.getFields()[node.name.value];
      if (!field) continue;
      fields.add(`${type.name}.${field.name}`);
      const below = this.objectTypes(getNamedType(field.type));
      this.fieldsOf(node.selectionSet?.selections ?? [], below, spread, (child, childTypes) =>
        this.reach(child, childTypes, fields, spread),
      );
    }
  }

  /**
   * Calls `visit` for each field of a selection set, including those of fragments.
   *
   * @param spread the fragments already visited, and where: nested fragments could otherwise take very long
   */
  fieldsOf(
    selections: readonly SelectionNode[],
    types: Types,
    spread: Set<string>,
    visit: (node: FieldNode, types: Types) => void,
  ): void {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        visit(selection, types);
        continue;
      }
      const fragment =
        selection.kind === Kind.FRAGMENT_SPREAD ? this.fragments.get(selection.name.value) : selection;
      if (!fragment) continue;
      const narrowed = this.narrow(types, fragment.typeCondition?.name.value);
      if (fragment.kind === Kind.FRAGMENT_DEFINITION) {
        const met = `${fragment.name.value} ${narrowed.map(({ name }) => name).join(' ')}`;
        if (spread.has(met)) continue;
        spread.add(met);
      }
      this.fieldsOf(fragment.selectionSet.selections, narrowed, spread, visit);
    }
  }

  private narrow(types: Types, condition: string | undefined): Types {
    if (condition === undefined) return types;
    const possible = this.objectTypes(this.schema.getType(condition));
    return types.filter((type) => possible.includes(type));
  }

  private objectTypes(type: GraphQLNamedType | undefined): Types {
    if (isObjectType(type)) return [type];
    return isAbstractType(type) ? this.schema.getPossibleTypes(type) : [];
  }
}
