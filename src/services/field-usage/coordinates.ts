/**
 * Which coordinates of the schema an operation uses: fields, arguments, input fields and enum values. What the document says is
 * found once for each document; what variables say, for each request whose variables have input objects or enums.
 */
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  Kind,
  typeFromAST,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { fragmentsOf } from '../../kernel/request/selections.js';

type Variables = Readonly<Record<string, unknown>>;

/** What an operation uses. */
export interface OperationUse {
  /** What its document says. */
  readonly coordinates: readonly string[];
  /** Its variables with input objects or enums. */
  readonly variables: readonly { readonly name: string; readonly type: GraphQLInputType }[];
}

/** The values of variables that are looked at in one request; what follows is left out. */
const MOST_VALUES = 1_000;

/**
 * The coordinates of an operation of a valid document. A field counts for the type that the document selects it on. A field
 * whose value is an enum uses the enum as a whole.
 */
export function useOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): OperationUse {
  const found = new Set<string>();
  const info = new TypeInfo(schema);
  const definitions = [operation, ...reachedFragments(document, operation)];
  visit(
    { kind: Kind.DOCUMENT, definitions },
    visitWithTypeInfo(info, {
      Field: () => {
        const parent = info.getParentType();
        const field = info.getFieldDef();
        if (!parent || !field || field.name.startsWith('__')) return;
        found.add(`${parent.name}.${field.name}`);
        const type = getNamedType(field.type);
        if (isEnumType(type)) found.add(type.name);
      },
      Argument: ({ name }) => {
        const parent = info.getParentType();
        const field = info.getFieldDef();
        if (parent && field && !info.getDirective())
          found.add(`${parent.name}.${field.name}(${name.value}:)`);
      },
      ObjectField: ({ name }) => {
        const parent = namedOf(info.getParentInputType());
        if (isInputObjectType(parent)) found.add(`${parent.name}.${name.value}`);
      },
      EnumValue: ({ value }) => {
        const type = namedOf(info.getInputType());
        if (isEnumType(type)) found.add(`${type.name}.${value}`);
      },
    }),
  );
  const variables = (operation.variableDefinitions ?? []).flatMap(({ variable, type: node }) => {
    const type = typeFromAST(schema, node);
    const named = namedOf(type);
    return isInputType(type) && (isInputObjectType(named) || isEnumType(named))
      ? [{ name: variable.name.value, type }]
      : [];
  });
  return { coordinates: [...found], variables };
}

/** The type inside of lists and non-null types. */
function namedOf(type: unknown): unknown {
  return isNonNullType(type) || isListType(type) ? namedOf(type.ofType) : type;
}

/** Adds what the values of variables use, each coordinate once. Values that fit no type are left out: the request is refused. */
export function addUseOfVariables(
  { variables }: OperationUse,
  values: Variables,
  add: (coordinate: string) => void,
): void {
  const found = new Set<string>();
  let left = MOST_VALUES;
  const look = (value: unknown, type: unknown): void => {
    if (value === null || value === undefined || left-- <= 0) return;
    if (isNonNullType(type)) look(value, type.ofType);
    else if (isListType(type)) {
      for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
        if (left <= 0) return;
        look(each, type.ofType);
      }
    } else if (isEnumType(type)) {
      if (typeof value === 'string' && type.getValue(value)) found.add(`${type.name}.${value}`);
    } else if (isInputObjectType(type) && typeof value === 'object') {
      const fields = type.getFields();
      for (const name of Object.keys(value)) {
        const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
        if (!field) continue;
        found.add(`${type.name}.${name}`);
        look((value as Variables)[name], field.type);
      }
    }
  };
  for (const { name, type } of variables) if (Object.hasOwn(values, name)) look(values[name], type);
  for (const coordinate of found) add(coordinate);
}

function reachedFragments(
  document: DocumentNode,
  operation: OperationDefinitionNode,
): FragmentDefinitionNode[] {
  const fragments = fragmentsOf(document);
  const reached = new Map<string, FragmentDefinitionNode>();
  const follow = (node: OperationDefinitionNode | FragmentDefinitionNode): void => {
    visit(node, {
      FragmentSpread: ({ name: { value } }) => {
        const fragment = fragments.get(value);
        if (!fragment || reached.has(value)) return;
        reached.set(value, fragment);
        follow(fragment);
      },
    });
  };
  follow(operation);
  return [...reached.values()];
}
