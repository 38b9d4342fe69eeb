/** Variables that fit into a request and keep a server without limits busy. */
import type { ByIds, Places } from './hostile-places.js';

export interface HostileVariables {
  readonly name: string;
  readonly query: string;
  /** As JSON text, because some are too deep for `JSON.stringify`. */
  readonly variables: string;
}

const BOOLEAN = 'query ($v: Boolean!) { __typename @skip(if: $v) }';

/** Variables of about `bytes` bytes: for a scalar, for an input, for a field of it, and for no declared variable. */
export function hostileVariables(
  { input, byIds }: Pick<Places, 'input' | 'byIds'>,
  bytes: number,
): HostileVariables[] {
  const room = bytes - 600;
  const nested = (open: string, close: string, inner = '') => {
    const depth = Math.floor((room - inner.length) / (open.length + close.length));
    return open.repeat(depth) + inner + close.repeat(depth);
  };
  const list = (item: string) => `[${Array.from({ length: room / (item.length + 1) }, () => item).join()}]`;
  const object = (value: string) =>
    `{${Array.from({ length: room / (value.length + 10) }, (_, n) => `"a${String(n)}":${value}`).join()}}`;
  const values: Readonly<Record<string, string>> = {
    'a deep list': nested('[', ']'),
    'a deep object': nested('{"a":', '}', '1'),
    'a long list': list('1'),
    'a list of objects': list('{"a":1}'),
    'many fields': object('1'),
    'many fields with texts': object('"xxxxxxxx"'),
    'a long text': `"${'x'.repeat(room)}"`,
    'a text that reads like a proposal': `"${'Did you mean '.repeat(room / 13)}"`,
    'a text that reads like a path': `"${' at \\"x\\"; '.repeat(room / 12)}"`,
    'a number beyond all numbers': '{"a":1e400}',
  };
  const operation = input?.operation ?? BOOLEAN;
  const [field = 'a'] = Object.keys(input?.type.getFields() ?? {});
  const lists = byIds.flatMap((place) => [100, 1_000].flatMap((count) => manyById(place, count, bytes)));
  const ofValues = Object.entries(values).flatMap(([name, value]) => [
    { name: `variables: ${name} for a Boolean`, query: BOOLEAN, variables: `{"v":${value}}` },
    { name: `variables: ${name} for an input`, query: operation, variables: `{"v":${value}}` },
    { name: `variables: ${name} in an input`, query: operation, variables: `{"v":{"${field}":${value}}}` },
    {
      name: `variables: ${name} that nobody asked for`,
      query: '{ __typename }',
      variables: `{"v":${value}}`,
    },
  ]);
  return [...lists, ...ofValues];
}

/** Many servers limit the aliases of an operation to fifty. */
const ALIASES = 40;

/** The same ids again and again: each is looked up, or refused with an error of its own. Nothing if there is no room. */
function manyById({ field, argument, type, id }: ByIds, count: number, bytes: number): HostileVariables[] {
  const fields = Array.from(
    { length: ALIASES },
    (_, n) => `a${String(n)}: ${field}(${argument}: $v) { __typename }`,
  );
  const query = `query ($v: ${type}) { ${fields.join(' ')} }`;
  const variables = `{"v":[${Array.from({ length: count }, () => id).join()}]}`;
  if (query.length + variables.length + 50 > bytes) return [];
  return [{ name: `variables: ${String(count)} ids for ${field} under aliases`, query, variables }];
}
