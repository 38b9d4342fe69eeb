/**
 * Introspection queries in the forms that tools are known to send: their selections, names, aliases, arguments,
 * fragments and depths. The queries are our own. Those of gql.tada, Cynic and graphql-js were compared with the tools'
 * code; the others were not.
 */
import { getIntrospectionQuery } from 'graphql';

interface Form {
  /** The beginning of the operation. Without it the query is anonymous. */
  readonly operation?: string;
  /** The number of nested `ofType` in the reference to a type. */
  readonly depth: number;
  /** The argument of lists that may contain deprecated elements. */
  readonly deprecated?: string;
  /** The arguments of `args` and `inputFields`. */
  readonly ofInputs?: string;
  readonly ofSchema?: string;
  readonly ofType?: string;
  readonly ofInput?: string;
  readonly ofDirective?: string;
  /** The names of the fragments. Without them the query has no fragments. */
  readonly fragments?: readonly [type: string, input: string, reference: string];
}

/** A query for the whole schema. */
function whole(form: Form): string {
  const { operation = '', depth, ofInputs = '', deprecated = '(includeDeprecated: true)' } = form;
  const { ofSchema = '', ofType = '', ofInput = '', ofDirective = '' } = form;
  const reference = `${'kind name ofType { '.repeat(depth)}kind name${' }'.repeat(depth)}`;
  const [types, inputs, references] = form.fragments ?? [];
  const typeRef = references === undefined ? reference : `...${references}`;
  const input = `name description type { ${typeRef} } defaultValue ${ofInput}`;
  const inputValue = inputs === undefined ? input : `...${inputs}`;
  const full = `kind name description ${ofType}
    fields${deprecated} { name description args${ofInputs} { ${inputValue} } type { ${typeRef} } isDeprecated deprecationReason }
    inputFields${ofInputs} { ${inputValue} }
    interfaces { ${typeRef} }
    enumValues${deprecated} { name description isDeprecated deprecationReason }
    possibleTypes { ${typeRef} }`;
  return `${operation} {
    __schema {
      ${ofSchema} queryType { name } mutationType { name } subscriptionType { name }
      types { ${types === undefined ? full : `...${types}`} }
      directives { name description locations args${ofInputs} { ${inputValue} } ${ofDirective} }
    }
  }
  ${types === undefined ? '' : `fragment ${types} on __Type { ${full} }`}
  ${inputs === undefined ? '' : `fragment ${inputs} on __InputValue { ${input} }`}
  ${references === undefined ? '' : `fragment ${references} on __Type { ${reference} }`}`;
}

const FRAGMENTS = ['FullType', 'InputValue', 'TypeRef'] as const;
const QUERY = 'query IntrospectionQuery';
const INPUTS = '(includeDeprecated: true)';
const OF_INPUT = 'isDeprecated deprecationReason';

const newest = {
  operation: QUERY,
  depth: 9,
  ofInputs: INPUTS,
  ofSchema: 'description',
  ofType: 'specifiedByURL isOneOf',
  ofInput: OF_INPUT,
  ofDirective: 'isRepeatable',
  fragments: FRAGMENTS,
} as const;

/** An introspection document of a tool, and the name of the operation to run. */
export interface ToolQuery {
  readonly document: string;
  readonly operationName?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

const options = {
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
} as const;

/** The introspection queries by the name of the tool. */
export const TOOL_QUERIES: Readonly<Record<string, ToolQuery>> = {
  'graphql-js 16, by default': { document: getIntrospectionQuery() },
  'graphql-js 16, with all options': { document: getIntrospectionQuery(options) },
  'graphql-js 16, without descriptions': { document: getIntrospectionQuery({ descriptions: false }) },
  'graphql-js 16, at depth 15': { document: getIntrospectionQuery({ ...options, typeDepth: 15 }) },
  'graphql-js 17, with the deprecation of directives': {
    document: getIntrospectionQuery({ ...options, experimentalDirectiveDeprecation: true, typeDepth: 15 }),
  },
  'graphql-js 14 (GraphQL Playground, GraphQL Voyager)': {
    document: whole({ operation: QUERY, depth: 7, fragments: FRAGMENTS }),
  },
  'GraphiQL, for servers with subscriptions': { document: whole({ ...newest, depth: 7 }) },
  'GraphiQL, for servers without them': {
    document: whole({ ...newest, depth: 7 }).replace('subscriptionType { name }', ''),
  },
  'GraphQL Code Generator and other tools with graphql-tools': { document: whole(newest) },
  'gql.tada, what the server supports': {
    document: `query IntrospectSupportQuery {
      directive: __type(name: "__Directive") { fields { name args { name } } }
      field: __type(name: "__Field") { fields { name args { name } } }
      type: __type(name: "__Type") { fields { name } }
      inputValue: __type(name: "__InputValue") { fields { name } }
    }`,
  },
  'gql.tada, the schema': { document: whole({ ...newest, depth: 15 }) },
  'urql, Graphcache': {
    document: whole({ operation: QUERY, depth: 4, fragments: FRAGMENTS }).replaceAll('description', ''),
  },
  'Apollo Kotlin, what the server supports': {
    document: `query PreIntrospection {
      schema: __type(name: "__Schema") { fields { name args { name } } }
      type: __type(name: "__Type") { fields { name args { name } } }
      directive: __type(name: "__Directive") { fields { name args { name } } }
      field: __type(name: "__Field") { fields { name args { name } } }
      inputValue: __type(name: "__InputValue") { fields { name args { name } } }
    }`,
  },
  'Apollo Kotlin, the schema': { document: whole({ ...newest, depth: 7 }) },
  'Apollo Kotlin, both in one document': {
    document: `query PreIntrospection { type: __type(name: "__Type") { fields { name } } } ${whole(newest)}`,
    operationName: 'IntrospectionQuery',
  },
  'Apollo iOS': { document: whole({ ...newest, ofType: 'specifiedByURL', depth: 7 }) },
  'Rover and Apollo Sandbox': {
    document: whole({ ...newest, operation: 'query GraphIntrospectQuery', depth: 9 }),
    operationName: 'GraphIntrospectQuery',
  },
  'Hot Chocolate and Strawberry Shake, deprecation of arguments': {
    document: 'query IntrospectionQuery { __type(name: "__Field") { fields { name args { name } } } }',
  },
  'Hot Chocolate and Strawberry Shake, directives': {
    document: 'query IntrospectionQuery { __type(name: "__Directive") { fields { name } } }',
  },
  'Hot Chocolate and Strawberry Shake, the schema type': {
    document: 'query IntrospectionQuery { __type(name: "__Schema") { fields { name } } }',
  },
  'Hot Chocolate and Strawberry Shake, which directives there are': {
    document: 'query IntrospectionQuery { __schema { directives { name args { name } } } }',
  },
  'Hot Chocolate stitching, first phase': {
    document: `query introspection_phase_1 {
      schema: __type(name: "__Schema") { name fields { name } }
      directive: __type(name: "__Directive") { name fields { name } }
    }`,
    operationName: 'introspection_phase_1',
  },
  'Hot Chocolate stitching, second phase': {
    document: whole({ operation: 'query introspection_phase_2', depth: 7, fragments: FRAGMENTS }),
  },
  'genql and Zeus': { document: whole({ ...newest, depth: 7 }) },
  'Hasura, remote schemas': {
    document: whole({ operation: QUERY, depth: 7, deprecated: INPUTS, fragments: ['F', 'I', 'T'] }),
  },
  Postman: { document: whole({ ...newest, depth: 7, ofType: 'specifiedByURL' }) },
  'Insomnia and Bruno': { document: getIntrospectionQuery({ inputValueDeprecation: true }) },
  Altair: { document: getIntrospectionQuery({ ...options, oneOf: false }) },
  'graphql-ruby client': {
    document: whole({ ...newest, depth: 6, ofType: 'isOneOf specifiedByURL' }).replace(
      'description queryType',
      'queryType',
    ),
  },
  'gqlfetch, for genqlient and gqlgen': {
    document: whole({ operation: QUERY, depth: 8, fragments: FRAGMENTS }),
  },
  'Cynic, what the server supports': {
    document: `query CapabilitiesQuery {
      __type(name: "__Type") { fields(includeDeprecated: true) { name } }
      input_value_type: __type(name: "__InputValue") { fields(includeDeprecated: true) { name } }
    }`,
  },
  'Cynic, the schema written out': { document: whole({ ...newest, depth: 7 }) },
  'graphql-client of Rust, for juniper': {
    document: whole({ operation: QUERY, depth: 7, ofType: 'specifiedByURL', fragments: FRAGMENTS }),
  },
  'graphql-java (Spring, DGS, the plugin of IntelliJ)': {
    document: whole({ ...newest, depth: 15, ofType: 'specifiedByURL isOneOf' }),
  },
  'graphql-core of Python (gql, Ariadne)': { document: whole({ ...newest, depth: 9 }) },
  'sgqlc of Python': {
    document: whole({
      operation: 'query IntrospectionQuery($includeDescription: Boolean!, $includeDeprecated: Boolean!)',
      depth: 7,
      deprecated: '(includeDeprecated: $includeDeprecated)',
    }).replaceAll('description', 'description @include(if: $includeDescription)'),
    variables: { includeDescription: false, includeDeprecated: true },
  },
  'elm-graphql': {
    document: whole({
      operation: 'query IntrospectionQuery($includeDeprecated: Boolean!)',
      depth: 7,
      deprecated: '(includeDeprecated: $includeDeprecated)',
      fragments: FRAGMENTS,
    }),
    variables: { includeDeprecated: true },
  },
  'Caliban, written out without fragments': { document: whole({ operation: '', depth: 7 }) },
  'a schema explorer: aliased types one by one': {
    document: `query Explore {
      ${['Query', 'Tenant', 'Viewer', 'Membership']
        .map(
          (name, at) =>
            `t${String(at)}: __type(name: "${name}") { name fields { name type { ...R } args { name type { ...R } } } }`,
        )
        .join('\n')}
      __typename
    }
    fragment R on __Type { kind name ofType { kind name ofType { kind name } } }`,
  },
  'tools of operators (PostGraphile, graphql-cop): the names only': {
    document: '{ __schema { types { name fields { name } } } }',
  },
};
