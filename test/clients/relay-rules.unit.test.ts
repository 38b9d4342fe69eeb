/** The schema as graphql-eslint's rules for Relay judge it: the committed one, with all types. */
import { readFileSync } from 'node:fs';
import graphqlPlugin from '@graphql-eslint/eslint-plugin';
import { ESLint } from 'eslint';
import { expect, test } from 'vitest';

const SCHEMA = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');

const lint = async (sdl: string) => {
  const eslint = new ESLint({
    overrideConfigFile: true,
    overrideConfig: {
      files: ['**/*.graphql'],
      plugins: { '@graphql-eslint': graphqlPlugin as never },
      languageOptions: { parser: graphqlPlugin.parser, parserOptions: { graphQLConfig: { schema: sdl } } },
      rules: {
        '@graphql-eslint/relay-arguments': ['error', { includeBoth: true }],
        '@graphql-eslint/relay-connection-types': 'error',
        // Relay has no objection to lists of other types, of which connections have `nodes`.
        '@graphql-eslint/relay-edge-types': [
          'error',
          { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
        ],
        '@graphql-eslint/relay-page-info': 'error',
      },
    },
  });
  const [result] = await eslint.lintText(sdl, { filePath: 'schema.graphql' });
  return result!.messages.map(({ line, message }) => `${String(line)}: ${message}`);
};

test('the schema keeps the rules for Relay', async () => {
  expect(await lint(SCHEMA)).toEqual([]);
});

test('the rules would notice an edge whose node is no Node, and a list without its arguments', async () => {
  const broken = SCHEMA.replace(/^type Membership implements Node/m, 'type Membership').replace(
    /members\([^)]*\): MembershipConnection/,
    'members: MembershipConnection',
  );
  expect(broken).not.toBe(SCHEMA);
  const messages = await lint(broken);
  expect(messages.some((message) => message.includes('Node'))).toBe(true);
  expect(messages.some((message) => message.includes('members') || message.includes('argument'))).toBe(true);
});
