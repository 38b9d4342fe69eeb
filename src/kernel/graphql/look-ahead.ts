/**
 * Finds what a document asks for below a list, so that it can be read together with the list. This only decides what is
 * read and when: the fields below are resolved as ever, behind all of their guards, and read for themselves what was not
 * read ahead.
 *
 * A list is read ahead only when its resolver will be called for each row, for this caller: the caller has its permission,
 * and nothing on the way to its rows has a guard, a rule or a directive of its own.
 */
import {
  defaultFieldResolver,
  getArgumentValues,
  getNamedType,
  isObjectType,
  Kind,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type SelectionSetNode,
} from 'graphql';
import type { Guard, Guards } from '../access/guards.js';
import { takesGuardedInput, type InputGuards } from '../access/input-guards.js';
import type { ScopedModel } from '../tenancy/data-model.js';
import type { Below, ChildList, ListAhead } from './below.js';
import { childListOf } from './children.js';
import { Page, refuseLargePage, type PageArguments } from './connection.js';
import { isPlainId } from './ids.js';
import type { ReadsAhead, RequestContext } from './request-context.js';

/** What look-ahead has to know of the schema. */
export interface LookAheadParts {
  readonly guards: Guards;
  readonly inputGuards: InputGuards;
  /** The fields with rules that look at data. */
  readonly fieldsWithRules: ReadonlySet<string>;
}

/** A list in a document, below rows. */
interface ListBelow {
  readonly list: ChildList;
  readonly guard: Guard;
  readonly field: GraphQLField<unknown, unknown>;
  readonly node: FieldNode;
  readonly fields: ReadonlySet<string> | undefined;
}

interface Found {
  readonly fields: ReadonlySet<string> | undefined;
  readonly lists: readonly ListBelow[];
}

type Fragments = Readonly<Record<string, FragmentDefinitionNode>>;
type Models = ReadonlyMap<string, ScopedModel>;

const NOTHING: Found = { fields: undefined, lists: [] };

/** The lists among resolvers that {@link childList} has made, by coordinate. */
export function childLists(resolvers: readonly object[]): ReadonlyMap<string, ChildList> {
  const lists = new Map<string, ChildList>();
  for (const types of resolvers) {
    for (const [type, fields] of Object.entries(types)) {
      for (const [field, resolve] of Object.entries(fields as object)) {
        const list = childListOf(resolve);
        if (list) lists.set(`${type}.${field}`, list);
      }
    }
  }
  return lists;
}

export class LookAhead implements ReadsAhead {
  readonly #lists: ReadonlyMap<string, ChildList>;
  readonly #parts: LookAheadParts;
  /** Documents are parsed once, so that a repeated one has the same nodes. */
  readonly #known = new WeakMap<FieldNode, Found>();

  constructor(lists: ReadonlyMap<string, ChildList>, parts: LookAheadParts) {
    this.#lists = lists;
    this.#parts = parts;
  }

  below(
    info: GraphQLResolveInfo,
    model: string,
    { viewer, models }: Pick<RequestContext, 'viewer' | 'models'>,
  ): Below {
    const { fields, lists } = this.#find(info, model, models);
    const ahead: ListAhead[] = [];
    for (const { list, guard, field, node, fields: its } of lists) {
      if (guard !== null && !viewer.permissions.has(guard)) continue;
      try {
        const args: PageArguments = getArgumentValues(field, node, info.variableValues);
        refuseLargePage(args, viewer.plan.mostRowsPerPage);
        ahead.push({ list, page: new Page(args, list.order), fields: its });
      } catch {
        // The resolver will say what is wrong.
      }
    }
    return { fields, lists: ahead };
  }

  #find(info: GraphQLResolveInfo, model: string, models: Models): Found {
    const [node, ...others] = info.fieldNodes;
    if (!node || others.length > 0) return NOTHING;
    let found = this.#known.get(node);
    if (!found) {
      const connection = getNamedType(info.returnType);
      const rows = isObjectType(connection)
        ? rowsOf(connection, selectionsOf(info.fieldNodes), info.fragments)
        : undefined;
      found = rows ? this.#ofRows(rows, models.get(model)!, info.fragments, models) : NOTHING;
      this.#known.set(node, found);
    }
    return found;
  }

  #ofRows({ type, selections }: Rows, model: ScopedModel, fragments: Fragments, models: Models): Found {
    const selected = fieldsIn(selections, fragments);
    if (!selected) return NOTHING;
    const fields = new Set(['id']);
    const lists: ListBelow[] = [];
    let areAllKnown = true;
    for (const nodes of selected) {
      const [node] = nodes;
      const { value: name } = node.name;
      if (name === '__typename') continue;
      const field = type.getFields()[name]!;
      const list = this.#lists.get(`${type.name}.${name}`);
      if (list) {
        const below = this.#listBelow(type, field, list, nodes, fragments, models);
        if (below) lists.push(below);
      } else if (isProperty(field) && model.columns.has(name)) fields.add(name);
      else areAllKnown = false;
    }
    return { fields: areAllKnown ? fields : undefined, lists };
  }

  #listBelow(
    type: GraphQLObjectType,
    field: GraphQLField<unknown, unknown>,
    list: ChildList,
    nodes: FieldNodes,
    fragments: Fragments,
    models: Models,
  ): ListBelow | undefined {
    const { guards, inputGuards, fieldsWithRules } = this.#parts;
    const coordinate = `${type.name}.${field.name}`;
    const guard = guards.get(coordinate);
    const isFree =
      !fieldsWithRules.has(coordinate) && !takesGuardedInput(coordinate, field.args, inputGuards);
    const isPaged = field.args.every(({ name }) => PAGING.has(name));
    const connection = getNamedType(field.type);
    const rows =
      guard !== undefined && isFree && isPaged && isObjectType(connection)
        ? rowsOf(connection, selectionsOf(nodes), fragments)
        : undefined;
    if (guard === undefined || !rows) return undefined;
    const { fields } = this.#ofRows(rows, models.get(list.model)!, fragments, models);
    const read = fields && new Set([...fields, list.order.key.field]);
    return { list, guard, field, node: nodes[0], fields: read };
  }
}

const PAGING: ReadonlySet<string> = new Set(['first', 'after', 'last', 'before']);

type Selections = readonly SelectionSetNode[];
/** The nodes of one field of an answer. */
type FieldNodes = readonly [FieldNode, ...FieldNode[]];

/** The type of the rows of a connection, and what is selected of them. */
interface Rows {
  readonly type: GraphQLObjectType;
  readonly selections: Selections;
}

const selectionsOf = (nodes: readonly FieldNode[]): Selections =>
  nodes.flatMap(({ selectionSet }) => selectionSet ?? []);

/** The rows of a connection; undefined when none are selected, or something else could refuse or see them. */
function rowsOf(
  connection: GraphQLObjectType,
  selections: Selections,
  fragments: Fragments,
): Rows | undefined {
  const found: Selections[] = [];
  let type: unknown;
  const enter = (parent: GraphQLObjectType, nodes: FieldNodes): GraphQLObjectType | undefined => {
    const field = parent.getFields()[nodes[0].name.value];
    const inner = field && isProperty(field) ? getNamedType(field.type) : undefined;
    return isObjectType(inner) ? inner : undefined;
  };
  const take = (parent: GraphQLObjectType, nodes: FieldNodes): boolean => {
    const inner = enter(parent, nodes);
    found.push(selectionsOf(nodes));
    return inner !== undefined && (type ??= inner) === inner;
  };
  for (const nodes of fieldsIn(selections, fragments) ?? REFUSED) {
    switch (nodes[0].name.value) {
      case '__typename':
      case 'pageInfo':
      case 'totalCount':
        break;
      case 'nodes':
        if (!take(connection, nodes)) return undefined;
        break;
      case 'edges': {
        const edge = enter(connection, nodes);
        const ofEdge = edge && fieldsIn(selectionsOf(nodes), fragments);
        if (!ofEdge) return undefined;
        for (const each of ofEdge) {
          const { value: name } = each[0].name;
          if (name === 'node' ? !take(edge, each) : name !== 'cursor' && name !== '__typename')
            return undefined;
        }
        break;
      }
      default:
        return undefined;
    }
  }
  return isObjectType(type) ? { type, selections: found.flat() } : undefined;
}

const REFUSED: readonly FieldNodes[] = [];

/** The fields of an answer in selections of one object type; undefined when a directive decides about any of them. */
function fieldsIn(selections: Selections, fragments: Fragments): readonly FieldNodes[] | undefined {
  const fields = new Map<string, [FieldNode, ...FieldNode[]]>();
  const collect = (set: SelectionSetNode): boolean =>
    set.selections.every((selection) => {
      if (selection.directives?.length) return false;
      if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value;
        const same = fields.get(name);
        if (same) same.push(selection);
        else fields.set(name, [selection]);
        return true;
      }
      // A valid document has no fragments here for other object types.
      const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? fragments[selection.name.value] : selection;
      return fragment !== undefined && collect(fragment.selectionSet);
    });
  return selections.every(collect) ? [...fields.values()] : undefined;
}

/** Whether the field is a property of its row, without a guard or a resolver of its own. */
const isProperty = ({ resolve }: GraphQLField<unknown, unknown>): boolean =>
  resolve === undefined || resolve === defaultFieldResolver || isPlainId(resolve);
