/**
 * The option to be a subgraph of Apollo Federation: `_service` says the schema, and `_entities` reads objects that other
 * subgraphs refer to. `_entities` is `nodes` with another form of ids, so it passes the same guards, and its type is
 * `[Node]!`: it has every type with a key. `_service` says no more than introspection, the part that the caller may use.
 */
import {
  GraphQLSchema,
  Kind,
  parse,
  print,
  printSchema,
  specifiedDirectives,
  type ConstDirectiveNode,
  type DefinitionNode,
} from 'graphql';
import type { RoleSchemas } from '../access/role-schema.js';
import { nodeTypes } from '../access/schema-types.js';
import { badInput } from '../vocabulary/errors.js';
import { idPrefix, readId } from '../vocabulary/id.js';
import { defineModule, readSchema, type Module } from './module.js';
import type { NodeReader } from './node-reader.js';
import type { RequestContext } from './request-context.js';

/** The most objects that a router may ask for at once: the rows of ten of the largest pages. */
export const MOST_ENTITIES = 1_000;

/** Federation's `@requires` and `@authenticated` are not imported: those of this schema are something else. */
const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])';

/** The parts that a router knows of every subgraph: the schema must not have them. */
const OWN = new Set(['_Any', '_Service', '_service', '_entities']);

/** Types that every subgraph with Relay's connections has. */
const SHARED = new Set(['PageInfo']);

/**
 * The part of the API that a router needs.
 *
 * @param schemas the parts of the schema for permissions, called when a request asks for one
 */
export function federationModule(nodes: NodeReader, schemas: () => RoleSchemas): Module {
  const subgraphs = new Subgraphs(schemas);
  // The generated types of resolvers have only what every server has.
  const resolvers: object = {
    Query: {
      _service: (_parent: unknown, _args: unknown, { viewer }: RequestContext) => ({
        sdl: subgraphs.of(viewer.permissions),
      }),
      _entities: (
        _parent: unknown,
        { representations }: { readonly representations: readonly unknown[] },
        context: RequestContext,
      ) => {
        if (representations.length > MOST_ENTITIES)
          throw badInput(`representations may have at most ${MOST_ENTITIES} objects.`, 'representations');
        return representations.map(async (each, at) => {
          const field = `representations[${String(at)}]`;
          const id = idOf(each, field);
          return id === undefined ? null : nodes.load(id, field, context);
        });
      },
    },
  };
  return defineModule({
    name: 'federation',
    typeDefs: readSchema(import.meta.url, './federation.graphql'),
    resolvers,
  });
}

/**
 * The id in a representation; undefined when it is the id of another type, which no object of the named type has.
 *
 * @throws BAD_USER_INPUT when it has no `__typename` or no id
 */
function idOf(representation: unknown, field: string): string | undefined {
  const { __typename: type, id } = Object(representation) as Readonly<Record<string, unknown>>;
  if (typeof type !== 'string') throw badInput(`${field} has no __typename.`, field);
  if (typeof id !== 'string') throw badInput(`${field} has no id.`, field);
  const prefix = readId(id)?.prefix;
  // `load` refuses what is no id that carries its type.
  return prefix === undefined || prefix === '' || prefix === idPrefix(type) ? id : undefined;
}

/** The SDL of the subgraph for each set of permissions. */
class Subgraphs {
  readonly #schemas: () => RoleSchemas;
  readonly #texts = new WeakMap<GraphQLSchema, string>();

  constructor(schemas: () => RoleSchemas) {
    this.#schemas = schemas;
  }

  of(permissions: Parameters<RoleSchemas['for']>[0]): string {
    const schema = this.#schemas().for(permissions);
    const text = this.#texts.get(schema) ?? subgraphSdl(schema);
    this.#texts.set(schema, text);
    return text;
  }
}

/**
 * The SDL with which a schema is composed into a supergraph: types that implement Node have their `id` as key. It has no
 * directives of this server, whose meaning the descriptions tell.
 */
export function subgraphSdl(schema: GraphQLSchema): string {
  const entities = new Set(nodeTypes(schema).map(({ name }) => name));
  const plain = new GraphQLSchema({ ...schema.toConfig(), directives: specifiedDirectives });
  const definitions = parse(printSchema(plain)).definitions.flatMap((definition): DefinitionNode[] => {
    if (definition.kind === Kind.SCALAR_TYPE_DEFINITION && OWN.has(definition.name.value)) return [];
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION) return [definition];
    const { value: name } = definition.name;
    if (OWN.has(name)) return [];
    const fields = definition.fields?.filter((field) => !OWN.has(field.name.value)) ?? [];
    const directives = [...(entities.has(name) ? [KEY] : []), ...(SHARED.has(name) ? [SHAREABLE] : [])];
    return [{ ...definition, fields, directives }];
  });
  return `${LINK}\n\n${print({ kind: Kind.DOCUMENT, definitions })}\n`;
}

const KEY: ConstDirectiveNode = {
  kind: Kind.DIRECTIVE,
  name: { kind: Kind.NAME, value: 'key' },
  arguments: [
    {
      kind: Kind.ARGUMENT,
      name: { kind: Kind.NAME, value: 'fields' },
      value: { kind: Kind.STRING, value: 'id' },
    },
  ],
};

const SHAREABLE: ConstDirectiveNode = {
  kind: Kind.DIRECTIVE,
  name: { kind: Kind.NAME, value: 'shareable' },
};
