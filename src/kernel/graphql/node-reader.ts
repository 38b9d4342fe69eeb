/**
 * Reads objects by their ids alone, for `Query.node` and `Query.nodes`. The guard of an object's type is checked before
 * it is read, because no field that leads to the type was passed. What node answers, the caller can also reach through
 * other fields: the start checks that.
 */
import { GraphQLError, getNamedType, type GraphQLSchema } from 'graphql';
import { MODELS } from '../../generated/data-model/index.js';
import { nodeGuard, refuseUnreachableNodes } from '../access/node-guards.js';
import type { Guard, Guards } from '../access/guards.js';
import { nodeTypes } from '../access/schema-types.js';
import { badInput, forbidden } from '../vocabulary/errors.js';
import { idPrefix, readId } from '../vocabulary/id.js';
import type { Permission } from '../vocabulary/permissions.js';
import { LARGEST_PAGE } from './connection.js';
import type { Nodes, RequestContext } from './request-context.js';

/** Reads the rows with these UUIDs through `context.db`, in one statement; missing rows are left out. */
export type ReadNodes = (
  ids: readonly string[],
  context: RequestContext,
) => Promise<readonly { readonly id: string }[]>;

interface NodeSource {
  readonly type: string;
  readonly guard: Guard;
  readonly read: ReadNodes;
}

/** What {@link NodeReader.begin} needs. */
export interface NodeReaderParts {
  readonly schema: GraphQLSchema;
  readonly guards: Guards;
  readonly permissions: readonly Permission[];
  /** The fields with rules that look at data. */
  readonly fieldsWithRules: ReadonlySet<string>;
  /** How modules read types, by name. Default: the rows of the model with the type's name. */
  readonly declared: Readonly<Record<string, ReadNodes>>;
}

/** The type of each object that was read here. A value of type Node from anywhere else has no type, and is an error. */
const typesOfNodes = new WeakMap<object, string>();

export class NodeReader implements Nodes {
  readonly #sources = new Map<string, NodeSource>();

  /**
   * @throws Error when a module reads a type that is no Node, or a Node can neither be read by a model nor by its module;
   * UnguardedSchemaError when node would answer what no other field answers
   */
  begin({ schema, guards, permissions, fieldsWithRules, declared }: NodeReaderParts): void {
    const types = nodeTypes(schema);
    const stray = Object.keys(declared).find((name) => !types.some((type) => type.name === name));
    if (stray !== undefined)
      throw new Error(`a module reads ${stray}, which is no type that implements Node`);
    refuseUnreachableNodes(schema, guards, permissions);
    for (const type of types) {
      const own = declared[type.name];
      if (!own) refuseBypass(schema, type.name, fieldsWithRules);
      this.#sources.set(idPrefix(type.name), {
        type: type.name,
        guard: nodeGuard(type, permissions),
        read: own ?? readingModel(type.name),
      });
    }
  }

  async load(id: string, field: string, context: RequestContext): Promise<object | null> {
    const typed = readId(id);
    if (!typed || typed.prefix === '') throw badInput(`${field} is not an id that carries its type.`, field);
    const source = this.#sources.get(typed.prefix);
    if (!source) return null;
    const { type, guard, read } = source;
    if (guard !== null && !context.viewer.permissions.has(guard)) throw forbidden(guard);
    const row = await context.loaders.load(`Node ${type}`, typed.uuid, async (ids) => {
      const rows = await read(ids, context);
      for (const each of rows) typesOfNodes.set(each, type);
      return new Map(rows.map((each) => [each.id, each]));
    });
    return row ?? null;
  }

  /**
   * The objects with these ids, in their order, each of them as `load` answers it.
   *
   * @throws BAD_USER_INPUT for more than {@link LARGEST_PAGE} ids
   */
  loadAll(ids: readonly string[], context: RequestContext): Promise<object | null>[] {
    if (ids.length > LARGEST_PAGE) throw badInput(`ids may have at most ${LARGEST_PAGE} ids.`, 'ids');
    return ids.map((id, at) => this.load(id, `ids[${String(at)}]`, context));
  }

  /** The name of the type of an object. */
  typeOf(row: object): string {
    const type = typesOfNodes.get(row);
    if (type === undefined) throw new GraphQLError('a value of type Node was not read by its id');
    return type;
  }
}

type FindMany = (args: {
  readonly where: { readonly id: { readonly in: string[] } };
}) => Promise<readonly { readonly id: string }[]>;

function readingModel(type: string): ReadNodes {
  if (!Object.hasOwn(MODELS, type)) {
    throw new Error(`${type} implements Node and is no model: its module says how to read it, in \`nodes\``);
  }
  const property = type.charAt(0).toLowerCase() + type.slice(1);
  return (ids, { db }) => {
    const model = (db as unknown as Readonly<Record<string, { findMany: FindMany }>>)[property]!;
    return model.findMany({ where: { id: { in: [...ids] } } });
  };
}

/** A rule of a field that leads to the type may hide rows, and node would not ask it. */
function refuseBypass(schema: GraphQLSchema, type: string, fieldsWithRules: ReadonlySet<string>): void {
  const query = schema.getQueryType()?.getFields() ?? {};
  for (const { name, type: answered } of Object.values(query)) {
    if (fieldsWithRules.has(`Query.${name}`) && getNamedType(answered).name === type) {
      throw new Error(
        `a rule looks at data of Query.${name}, which node(id:) would not ask: declare in \`nodes\` how ${type} is read`,
      );
    }
  }
}
