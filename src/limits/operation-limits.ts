/**
 * Refuses operations whose answer would be out of proportion to the document, before anything is executed. The number
 * of tokens alone does not bound an answer: aliases and pages multiply.
 */
import {
  getNamedType,
  GraphQLError,
  isIntrospectionType,
  isInterfaceType,
  isObjectType,
  Kind,
  type ASTVisitor,
  type FieldNode,
  type GraphQLField,
  type GraphQLNamedType,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import { DEFAULT_PAGE, LARGEST_PAGE } from '../graphql/connection.js';

/** Tokens of a document: far more than a page of a dashboard needs, far less than it takes to keep a parser busy. */
export const MOST_TOKENS = 2_000;
/** Rows that an operation may ask for: two nested lists of the largest page, and as much again. */
export const MOST_ROWS = 20_000;
/** Fields that an operation may consist of, each counted where a fragment brings it. */
export const MOST_FIELDS = 5_000;

/**
 * Introspection without aliases. Tools need none; with them, the types of the schema can be listed for each of the
 * fields of each of the types, in one synchronous go.
 */
export function noAliasInIntrospection(context: ValidationContext): ASTVisitor {
  return {
    Field(field) {
      const parent = context.getParentType();
      const introspects = field.name.value.startsWith('__') || (parent && isIntrospectionType(parent));
      if (introspects && field.name.value !== '__typename' && field.alias) {
        context.reportError(new GraphQLError('Introspection takes no aliases.', { nodes: field }));
      }
    },
  };
}

/** Bounds the rows an operation asks for, by the sizes of its pages: nested lists multiply. */
export function limitRows(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(operation) {
      const root = context.getSchema().getRootType(operation.operation);
      if (!root) return;
      const { rows, fields } = new Estimate(context).of(operation.selectionSet, root);
      if (rows > MOST_ROWS) {
        const message = `The operation asks for up to ${String(rows)} rows, more than ${String(MOST_ROWS)}: ask for smaller pages.`;
        context.reportError(new GraphQLError(message, { nodes: operation }));
      } else if (fields > MOST_FIELDS) {
        const message = `The operation has more than ${String(MOST_FIELDS)} fields.`;
        context.reportError(new GraphQLError(message, { nodes: operation }));
      }
    },
  };
}

/** What a document must hold to beside GraphQL's own rules, however it comes. */
export const OPERATION_RULES: readonly ValidationRule[] = [noAliasInIntrospection, limitRows];

class Estimate {
  private rows = 0;
  private fields = 0;

  constructor(private readonly context: ValidationContext) {}

  of(
    selections: SelectionSetNode,
    type: GraphQLNamedType,
  ): { readonly rows: number; readonly fields: number } {
    this.add(selections, type, 1, new Set());
    return { rows: this.rows, fields: this.fields };
  }

  /** @param spread fragments this selection set has already: as in execution, another spread of one adds nothing. */
  private add(
    { selections }: SelectionSetNode,
    type: GraphQLNamedType,
    parents: number,
    spread: Set<string>,
  ): void {
    for (const selection of selections) {
      // Enough is known; fragments in fragments could go on for very long.
      if (this.rows > MOST_ROWS || this.fields > MOST_FIELDS) return;
      if (selection.kind === Kind.FIELD) {
        this.addField(selection, type, parents);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        this.add(
          selection.selectionSet,
          this.typeOf(selection.typeCondition?.name.value) ?? type,
          parents,
          spread,
        );
      } else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value);
        const fragment = this.context.getFragment(selection.name.value);
        const condition = this.typeOf(fragment?.typeCondition.name.value);
        if (fragment && condition) this.add(fragment.selectionSet, condition, parents, spread);
      }
    }
  }

  private addField(node: FieldNode, type: GraphQLNamedType, parents: number): void {
    this.fields++;
    const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[node.name.value] : undefined;
    if (!field) return;
    const page = pageSize(field, node);
    const children = parents * (page ?? 1);
    if (page !== undefined) this.rows += children;
    if (node.selectionSet) this.add(node.selectionSet, getNamedType(field.type), children, new Set());
  }

  private typeOf(name: string | undefined): GraphQLNamedType | undefined {
    return name === undefined ? undefined : this.context.getSchema().getType(name);
  }
}

/** The largest page that a connection field may be asked for here; undefined for any other field. */
function pageSize(field: GraphQLField<unknown, unknown>, node: FieldNode): number | undefined {
  if (!field.args.some(({ name }) => name === 'first' || name === 'last')) return undefined;
  const given = node.arguments?.filter(({ name }) => name.value === 'first' || name.value === 'last') ?? [];
  const sizes = given.map(({ value }) => {
    if (value.kind === Kind.INT) return Math.min(Math.abs(Number(value.value)), LARGEST_PAGE);
    return value.kind === Kind.VARIABLE ? LARGEST_PAGE : DEFAULT_PAGE;
  });
  return Math.max(...sizes, sizes.length === 0 ? DEFAULT_PAGE : 0);
}
