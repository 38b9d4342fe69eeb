/**
 * Derives arguments for root fields, and the rows that they refer to, from the schema, the data model and the catalog.
 */
import {
  getNamedType,
  GraphQLID,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
} from 'graphql';
import { newMark } from 'tenantry-attack';
import { MODELS } from '../../src/generated/data-model/index.js';
import type { ModelInfo } from '../../src/kernel/vocabulary/data-model.js';
import { columnSample } from './column-samples.js';
import { insertAnyRow, type Query } from './any-rows.js';
import type { MakeArguments } from './permission-matrix.js';
import type { TestServer } from './server.js';

type Field = GraphQLField<unknown, unknown>;

const models: Readonly<Record<string, ModelInfo>> = MODELS;

/** The model that a field is about: the one that its type leads to, or the one that its name ends with. */
export function modelOf(field: Field): string | undefined {
  const reached = [getNamedType(field.type)];
  for (const type of reached) {
    if (models[type.name]) return type.name;
    if (isObjectType(type) && reached.length < 20) {
      const further = Object.values(type.getFields()).map((each) => getNamedType(each.type));
      reached.push(...further.filter((each) => isObjectType(each) && !reached.includes(each)));
    }
  }
  return Object.keys(models).find((model) => field.name.endsWith(model));
}

/**
 * Returns a function that makes the required arguments of a field, with every changeable field of an input set. It
 * inserts the rows in acme. For a query it also inserts rows that reference them, so that no list is empty. For a
 * mutation it does not, because the mutation may delete the row.
 */
export function deriveArguments(field: Field, { isQuery }: { readonly isQuery: boolean }): MakeArguments {
  return async (server) => {
    const model = modelOf(field);
    const make = new Maker(server, model, isQuery);
    // A list without arguments needs a row too, so that it is not empty.
    if (model !== undefined && field.args.every((each) => !isRequiredArgument(each))) await make.row(model);
    const given: Record<string, unknown> = {};
    for (const { name, type } of field.args.filter(isRequiredArgument))
      given[name] = await make.value(type, name);
    return given;
  };
}

class Maker {
  readonly #server: TestServer;
  readonly #model: string | undefined;

  readonly #withChildren: boolean;

  constructor(server: TestServer, model: string | undefined, withChildren: boolean) {
    this.#server = server;
    this.#model = model;
    this.#withChildren = withChildren;
  }

  /** Inserts a row. @returns its id */
  async row(model: string): Promise<string> {
    const { database } = this.#server;
    const tenantId = await database.tenantId('acme');
    const query: Query = (sql, values) => database.asSuperuser(sql, values);
    const id = await insertAnyRow(query, { table: models[model]!.table, tenantId, orExisting: true });
    if (this.#withChildren) {
      for (const { table, column } of childrenOf(model))
        await insertAnyRow(query, { table, tenantId, values: { [column]: id }, orExisting: true });
    }
    return id;
  }

  async value(type: GraphQLInputType, name: string): Promise<unknown> {
    if (isNonNullType(type)) return this.value(type.ofType, name);
    if (isListType(type)) return [await this.value(type.ofType, name)];
    if (isInputObjectType(type)) {
      const given: Record<string, unknown> = {};
      for (const field of Object.values(type.getFields()).filter(isGiven))
        given[field.name] = await this.value(field.type, field.name);
      return given;
    }
    const model = models[this.#model ?? ''];
    // An id of a row whose model has no type in the API is a UUID.
    if (type === GraphQLID || (model && relationWith(model, name))) return this.#id(name);
    const column = model && columnSample(model, name, isEnumType(type));
    return column ?? sampleOf(type, name);
  }

  /** `id` names a row of the field's model. `customerId` names a row of the model that the column references. */
  async #id(name: string): Promise<string> {
    if (this.#model === undefined) return crypto.randomUUID();
    if (name === 'id') return this.row(this.#model);
    const relation = relationWith(models[this.#model]!, name);
    const byName = Object.keys(models).find((model) => name.toLowerCase() === `${model}id`.toLowerCase());
    const target = relation?.type ?? byName;
    return target === undefined ? crypto.randomUUID() : this.row(target);
  }
}

/** The relation whose key has this field. */
const relationWith = ({ fields }: ModelInfo, key: string) =>
  Object.values(fields).find(({ relation }) => relation?.fields.includes(key));

/** The tables that reference a model, each with the referencing column. */
function childrenOf(model: string): { readonly table: string; readonly column: string }[] {
  return Object.values(models).flatMap(({ table, fields }) =>
    Object.values(fields).flatMap(({ type, relation }) => {
      const key =
        type === model && model !== 'Tenant' && relation?.fields.find((each) => each !== 'tenantId');
      return typeof key === 'string' ? [{ table, column: fields[key]!.column! }] : [];
    }),
  );
}

/**
 * Required fields are set, and fields that can be changed, because an update that changes nothing is refused. A field with a
 * guard of its own is left out: not every caller who may use the mutation may set it.
 */
const isGiven = (field: GraphQLInputField): boolean =>
  isRequiredInputField(field) ||
  (field.name !== 'expectedVersion' && getNamedType(field.type) !== GraphQLID && !isGuarded(field));

const isGuarded = ({ astNode }: GraphQLInputField): boolean =>
  astNode?.directives?.some(({ name }) => name.value === 'requires') === true;

/** A value that the type accepts. An unknown scalar gets a text, which it may refuse. */
export function sampleOf(type: GraphQLInputType, name = ''): unknown {
  if (isNonNullType(type)) return sampleOf(type.ofType, name);
  if (isListType(type)) return [sampleOf(type.ofType, name)];
  if (isEnumType(type)) return type.getValues().at(-1)!.name;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter(isRequiredInputField);
    return Object.fromEntries(fields.map((each) => [each.name, sampleOf(each.type, each.name)]));
  }
  switch (getNamedType(type).name) {
    case 'ID':
    case 'UUID':
      return crypto.randomUUID();
    case 'Boolean':
      return true;
    case 'Int':
    case 'Float':
      return 1;
    case 'BigInt':
      return '1';
    case 'Decimal':
      return '1.5';
    case 'Date':
      return '2124-01-01';
    case 'DateTime':
      return '2124-01-01T00:00:00.000Z';
    case 'JSON':
    case 'JSONObject':
      return {};
    default:
      return /e-?mail/i.test(name) ? `${newMark()}@example.com` : newMark();
  }
}
