/** Proves that no part of a document becomes code of the compiled function. */
import { GraphQLObjectType } from 'graphql';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { describe, expect, test } from 'vitest';
import { echo, expectTheSame, valid } from '../support/execution-schema.js';

describe('a document does not become code', () => {
  const DATE = '__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d';
  const attack = (code: string) => code.replaceAll('CODE', 'globalThis.attacked=1');
  const texts = [
    `${DATE}(CODE)`,
    `${DATE}0),(CODE`,
    `${DATE}CODE`,
    '__MAGIC_NAN__57f286b9_4c20_487f_b409_79804ddcb4f8',
    '"+(CODE)+"',
    "'+(CODE)+'",
    '`+(CODE)+`',
    '${CODE}',
    '\\"+(CODE)//',
    '\u2028CODE//',
    '\u2029CODE//',
    '*/CODE/*',
    '</script>',
    '\\u0022+(CODE)+\\u0022',
    '\u0000',
  ].map(attack);
  const global = globalThis as { attacked?: unknown };

  test.each(texts)('as the text %j', async (text) => {
    const literal = JSON.stringify(text);
    for (const source of [
      `{ node { echo(b: ${literal}) } }`,
      `{ node { echo(h: ${literal}) } }`,
      `query ($x: String = ${literal}) { node { echo(b: $x) } }`,
    ]) {
      await expectTheSame(valid(source));
    }
    if (!text.includes('"') && !text.includes('\\') && !text.includes('\u0000')) {
      await expectTheSame(valid(`{ node { echo(b: """${text}""") } }`));
    }
    await expectTheSame(valid('query ($x: String, $r: Range) { node { echo(b: $x, d: $r) } }'), {
      x: text,
      r: {},
    });
    expect(global.attacked).toBeUndefined();
  });

  const names = [
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'prototype',
    '__defineGetter__',
    '__context',
    '__parent',
    '__validNode0',
    '__currentItem',
    '__concrete',
    'idx0',
    'arguments',
    'eval',
    'null',
    'true',
    'this',
    'query',
    'err',
    'result',
    'then',
    'Node',
    'valueOf',
    DATE,
  ];

  test.each(names)('as the name %s', async (name) => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    for (const source of [
      `{ ${name}: hello }`,
      `{ node { ${name}: name id } }`,
      `{ ${name}: node { ${name}: child { polluted: name ${name}: __typename } } }`,
      `{ nodes { ${name}: nodes { ${name}: nodes { ${name}: id } } } }`,
      `query ${name} { hello node { id } }`,
      `query ($${name}: Int = 3) { node { echo(a: $${name}) } }`,
      `{ node { ...${name} } } fragment ${name} on Node { id }`,
    ]) {
      await expectTheSame(valid(source), { [name]: 5 });
    }
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(global.attacked).toBeUndefined();
  });

  test('as numbers, lists and objects', async () => {
    const scalars = makeExecutableSchema({
      typeDefs: 'scalar Anything type Query { show(a: Anything, b: [Float], c: ID): String }',
      resolvers: { Query: { show: echo } },
    });
    for (const literal of [
      'a: { __proto__: { polluted: 1 } }',
      'a: { constructor: { prototype: { polluted: 1 } } }',
      `a: { ${DATE}x: 1 }`,
      'a: [[[{ a: 1 }]]]',
      'b: [1e400, -1e400, 0.1, 1e-400]',
      `c: ${'9'.repeat(400)}`,
      `a: ${'9'.repeat(400)}`,
      `a: ${'['.repeat(300)}${']'.repeat(300)}`,
      'a: TEXT',
      'a: null',
      'a: true',
    ]) {
      await expectTheSame(valid(`{ show(${literal}) }`, scalars), {}, scalars);
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(GraphQLObjectType.prototype).not.toHaveProperty('polluted');
  });
});
