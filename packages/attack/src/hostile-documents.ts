/**
 * Small requests that keep a server without limits busy for seconds, generated from the schema of the attacked server.
 * Each represents a way in which reading, checking or refusing a document may take more than linear time.
 */
import { getIntrospectionQuery, type GraphQLSchema } from 'graphql';
import { hostileVariables } from './hostile-variables.js';
import { placesOf, type Places } from './hostile-places.js';

export interface HostileRequest {
  readonly name: string;
  readonly query: string;
  /** The body of the request, as text, because some are too deep for `JSON.stringify`. */
  readonly json: string;
}

export interface HostileOptions {
  /** The largest size of a request as JSON. */
  readonly bytes: number;
  /** Whether to include mutations, which may take effect. */
  readonly write: boolean;
}

/** Requests of up to `bytes` bytes. */
export function hostileRequests(
  schema: GraphQLSchema,
  { bytes, write }: HostileOptions,
): readonly HostileRequest[] {
  const places = placesOf(schema, write);
  const documents: Readonly<Record<string, (bytes: number) => string>> = {
    ...operations(),
    ...fragments(places),
    ...fields(places),
    ...values(places),
    ...texts(places),
  };
  const size = Math.floor(bytes / 2) - 100;
  return [
    ...Object.entries(documents).map(([name, make]) => hostileRequest(name, fit(bytes, make))),
    hostileRequest('a long name of an operation that is not there', '{ __typename }', {
      operationName: JSON.stringify('x'.repeat(2 * size)),
    }),
    hostileRequest('an operation that has a long name', `query ${'x'.repeat(size)} { no }`, {
      operationName: JSON.stringify('x'.repeat(size)),
    }),
    hostileRequest('deep extensions', '{ __typename }', {
      extensions: `{"a":${'['.repeat(size)}${']'.repeat(size)}}`,
    }),
    ...hostileVariables(places, bytes).map(({ name, query, variables }) =>
      hostileRequest(name, query, { variables }),
    ),
  ];
}

/** @param rest the other parts of the body, as JSON */
function hostileRequest(
  name: string,
  query: string,
  rest: Readonly<Record<string, string>> = {},
): HostileRequest {
  const parts = Object.entries(rest).map(([part, json]) => `,"${part}":${json}`);
  return { name, query, json: `{"query":${JSON.stringify(query)}${parts.join('')}}` };
}

const HEAD = 40;

/** The largest result of `make` whose request has at most `bytes`. */
export function fit(bytes: number, make: (size: number) => string): string {
  for (let size = bytes; ; size = Math.floor(size * 0.8)) {
    const document = make(size);
    if (size < 2 || Buffer.byteLength(JSON.stringify(document)) + HEAD <= bytes) return document;
  }
}

/** As many pieces as fit, up to `most`, because documents of more than some thousand tokens are easily refused. */
function many(bytes: number, piece: (n: number) => string, most = 400): string {
  const pieces: string[] = [];
  for (let n = 0, length = 0; n < most; n++) {
    const next = piece(n);
    length += next.length + 1;
    if (length > bytes) break;
    pieces.push(next);
  }
  return pieces.join(' ');
}

const typename = (n: number) => `t${String(n)}: __typename`;

const operations = () => ({
  'operations that spread one large fragment': (bytes: number) =>
    `${many(bytes / 2, (n) => `query Q${String(n)} { ...F }`, 180)} fragment F on Query { ${many(bytes / 2, () => '__typename', 700)} }`,
  'a few operations that spread one large fragment': (bytes: number) =>
    `${many(bytes / 2, (n) => `query Q${String(n)} { ...F }`, 20)} fragment F on Query { ${many(bytes / 2, () => '__typename', 1_800)} }`,
  'operations without a name': (bytes: number) => many(bytes, () => '{ __typename }', 600),
  'operations of one name': (bytes: number) => many(bytes, () => 'query Q { __typename }', 350),
  'operations that use variables which are not there': (bytes: number) =>
    `${many(bytes / 2, (n) => `query Q${String(n)} { ...F }`, 20)} fragment F on Query { ${many(bytes / 2, (n) => `__typename @skip(if: $v${String(n)})`, 200)} }`,
  'definitions of types': (bytes: number) => many(bytes, (n) => `type T${String(n)} { a: Int }`, 250),
  'subscriptions of many fields': (bytes: number) => `subscription { ${many(bytes, typename, 600)} }`,
  'subscriptions that skip their field': (bytes: number) =>
    `subscription { ${many(bytes, () => '...F @skip(if: true)', 200)} } fragment F on Subscription { __typename }`,
});

const fragments = ({ object, field }: Places) => ({
  'fragments that double': (bytes: number) =>
    `{ ...F0 } ${many(bytes, (n) => `fragment F${String(n)} on Query { ...F${String(n + 1)} ... { ...F${String(n + 1)} } }`, 90)}`,
  'fragments that double below a field': (bytes: number) =>
    `{ ${field} { ...F0 } } ${many(bytes, (n) => `fragment F${String(n)} on ${object} { a: __typename ...F${String(n + 1)} ... on ${object} { b: __typename ...F${String(n + 1)} } }`, 80)}`,
  'fragments that all spread each other': (bytes: number) => {
    const count = Math.min(28, Math.floor(Math.sqrt(bytes / 8)));
    const all = many(bytes, (n) => `...F${String(n)}`, count);
    return `{ ...F0 } ${Array.from({ length: count }, (_, n) => `fragment F${String(n)} on Query { ${all} }`).join(' ')}`;
  },
  'a circle of fragments': (bytes: number) => {
    const count = Math.min(99, Math.floor(bytes / 50));
    return `{ ...F0 } ${many(bytes, (n) => `fragment F${String(n)} on Query { ...F${String((n + 1) % count)} }`, count)}`;
  },
  'fragments that are not used': (bytes: number) =>
    `{ __typename } ${many(bytes, (n) => `fragment F${String(n)} on Query { __typename }`, 280)}`,
  'fragments of one name': (bytes: number) =>
    `{ ...F } ${many(bytes, () => 'fragment F on Query { __typename }', 280)}`,
  'fragments that are not there': (bytes: number) => `{ ${many(bytes, (n) => `...F${String(n)}`, 900)} }`,
  'fragments on types that are not there': (bytes: number) =>
    `{ ${many(bytes, (n) => `... on ${object}${String(n)} { __typename }`, 300)} }`,
  'inline fragments in inline fragments': (bytes: number) => {
    const depth = Math.min(600, Math.floor(bytes / 12));
    return `{ ${'... { '.repeat(depth)}__typename${' }'.repeat(depth)} }`;
  },
  'pairs of fragments to be compared': (bytes: number) =>
    `{ ${many(bytes / 3, (n) => `...F${String(n)}`, 60)} } ${many(bytes / 2, (n) => `fragment F${String(n)} on Query { ${field} { x: __typename } ... on Query { ${field} { x: __typename } } }`, 60)}`,
});

const fields = ({ object, field, leaf, self, page }: Places) => ({
  'one field many times': (bytes: number) => `{ ${many(bytes, () => `${field} { ${leaf} }`, 480)} }`,
  'one field many times, with other fields below it': (bytes: number) =>
    `{ ${many(bytes, (n) => `${field} { ${typename(n)} }`, 270)} }`,
  'fields of one name that are not the same': (bytes: number) =>
    `{ ${many(bytes / 2, () => `x: ${field} { ${leaf} }`, 150)} ${many(bytes / 2, () => `x: __typename`, 150)} }`,
  'fields of one name with other arguments': (bytes: number) =>
    `{ ${many(bytes, (n) => `__type(name: "${String(n)}") { name }`, 200)} }`,
  aliases: (bytes: number) => `{ ${many(bytes, typename, 600)} }`,
  'fields that are not there, with names like those that are': (bytes: number) =>
    `{ ${field} { ${many(bytes, (n) => `${leaf}${'abcdefghij'[n % 10]!}`, 900)} } }`,
  'a long name of a field that is not there': (bytes: number) => `{ ${'a'.repeat(bytes)} }`,
  'long names of fields that are not there': (bytes: number) =>
    `{ ${many(bytes, (n) => `f${'a'.repeat(500)}${String(n)}`, 200)} }`,
  'a long name that each error repeats': (bytes: number) =>
    `query ${'x'.repeat(bytes / 2)} { ${many(bytes / 2, (n) => `__typename @skip(if: $v${String(n)})`, 200)} }`,
  'a deep selection': (bytes: number) => {
    const depth = Math.min(600, Math.floor(bytes / (self.length + 6)));
    return `{ ${`${self} { `.repeat(depth)}__typename${' }'.repeat(depth)} }`;
  },
  'a page in a page': (bytes: number) => `{ ${many(bytes, (n) => `p${String(n)}: ${page}`, 40)} }`,
  directives: (bytes: number) => `{ ${field} { ${leaf} ${many(bytes, () => '@include(if: true)', 250)} } }`,
  'directives that are not there': (bytes: number) =>
    `{ __typename ${many(bytes, (n) => `@d${String(n)}`, 900)} }`,
  'arguments that are not there': (bytes: number) =>
    `{ ${field}(${many(bytes, (n) => `a${String(n)}: 1`, 600)}) { ${leaf} } }`,
  'one argument many times': (bytes: number) => `{ __type(${many(bytes, () => 'name: "x"', 600)}) { name } }`,
  'a type that is not there, where there are like ones': (bytes: number) =>
    `query (${many(bytes, (n) => `$v${String(n)}: ${object}${'abcdefghij'[n % 10]!}`, 350)}) { __typename }`,
  'the schema': () => getIntrospectionQuery({ descriptions: true, inputValueDeprecation: true }),
  'the schema, as deep as it goes': () =>
    `{ __schema { types { ...T fields(includeDeprecated: true) { name description args { name type { ...T } } type { ...T fields { name type { ...T } } } } } } }
     fragment T on __Type { kind name description ofType { kind name ofType { kind name ofType { kind name } } } enumValues { name description } }`,
});

const values = ({ argument }: Places) => ({
  'a long list': (bytes: number) => argument(`[${many(bytes, () => '1', 1_900)}]`),
  'a long object': (bytes: number) => argument(`{ ${many(bytes, (n) => `a${String(n)}: 1`, 450)} }`),
  'one field of an object many times': (bytes: number) => argument(`{ ${many(bytes, () => 'a: 1', 450)} }`),
  'a deep list': (bytes: number) => {
    const depth = Math.min(950, Math.floor(bytes / 2));
    return argument('['.repeat(depth) + ']'.repeat(depth));
  },
  'a deep object': (bytes: number) => {
    const depth = Math.min(450, Math.floor(bytes / 6));
    return argument(`${'{ a: '.repeat(depth)}1${' }'.repeat(depth)}`);
  },
  'a number of many digits': (bytes: number) => argument('9'.repeat(bytes)),
  'a number beyond all numbers': () => argument('1e400'),
  'many long numbers': (bytes: number) => argument(`[${many(bytes, () => '9'.repeat(300), 300)}]`),
  'variables that are not used': (bytes: number) =>
    `query (${many(bytes, (n) => `$v${String(n)}: Int`, 450)}) { __typename }`,
  'variables of one name': (bytes: number) => `query (${many(bytes, () => '$v: Int', 450)}) { __typename }`,
  'a variable of a deep type': (bytes: number) => {
    const depth = Math.min(900, Math.floor(bytes / 2));
    return `query ($v: ${'['.repeat(depth)}Int${']'.repeat(depth)}) { __typename @skip(if: $v) }`;
  },
  'a text that reads like a proposal': (bytes: number) =>
    `query ($v: Boolean = "${'Did you mean '.repeat(bytes / 13)}") { __typename @skip(if: $v) }`,
});

const texts = ({ argument }: Places) => ({
  comments: (bytes: number) => `${'#\n'.repeat(bytes / 3)}{ __typename }`,
  'one long comment': (bytes: number) => `#${'x'.repeat(bytes)}\n{ __typename }`,
  commas: (bytes: number) => `{ ${','.repeat(bytes)} __typename }`,
  lines: (bytes: number) => `${'\n'.repeat(bytes / 2)}{ __typename }`,
  'errors behind many lines': (bytes: number) => {
    const errors = many(bytes / 3, (n) => `no${String(n)}`, 300);
    return `${'\n'.repeat(bytes / 4)}{ ${errors} }`;
  },
  'a long text': (bytes: number) => argument(`"${'x'.repeat(bytes)}"`),
  escapes: (bytes: number) => argument(`"${'\\u0041'.repeat(bytes / 7)}"`),
  'a block of many lines': (bytes: number) => argument(`"""${' \n'.repeat(bytes / 3)}"""`),
  'a block of escaped quotes': (bytes: number) => argument(`"""${'\\"""'.repeat(bytes / 8)}"""`),
  'a block of indented lines': (bytes: number) =>
    argument(`"""${`${' '.repeat(200)}x\n`.repeat(bytes / 203)}"""`),
  'a text that does not end': (bytes: number) => `{ a(b: "${'x'.repeat(bytes)}`,
  'characters beyond the basic plane': (bytes: number) => argument(`"${'😀'.repeat(bytes / 4)}"`),
  'half a surrogate pair': () => argument('"\ud83d"'),
  'marks at the beginning of a file': (bytes: number) => `${'\ufeff'.repeat(bytes / 3)}{ __typename }`,
  'what is no GraphQL': (bytes: number) => '{'.repeat(bytes),
  'closing brackets': (bytes: number) => '}'.repeat(bytes),
  'nothing but spaces': (bytes: number) => ' '.repeat(bytes),
});
