/** Files of heads that are read line by line. */
import { describe, expect, test } from 'vitest';
import { FormatError, headJson, newestHeads, type Seal } from '../src/index.js';
import { TENANT, trailOf } from './sample-trail.js';

const { seals } = trailOf(1, 1, 1);
const OTHER: Seal = { ...seals[0]!, tenant: '0199e7a5-0000-7000-8000-00000000000b' };

const lineOf = (seal: Seal): string => JSON.stringify(headJson(seal));
const read = (text: string) =>
  newestHeads(
    (async function* () {
      yield* text.split('\n');
    })(),
  );

describe('the newest heads', () => {
  test('are found among older ones and those of other tenants', async () => {
    const lines = [seals[1]!, OTHER, seals[2]!, seals[0]!].map(lineOf);
    expect(await read(`${lines.join('\n\n')}\n`)).toEqual(
      new Map([
        [TENANT, seals[2]],
        [OTHER.tenant, OTHER],
      ]),
    );
  });

  test('may be one that is printed over several lines', async () => {
    const printed = JSON.stringify(headJson(seals[0]!), undefined, 2);
    expect(await read(printed)).toEqual(new Map([[TENANT, seals[0]]]));
  });

  test('are none in an empty file', async () => {
    expect(await read('\n')).toEqual(new Map());
  });

  test.each([
    ['no JSON', 'x'],
    ['no JSON behind a head', `${lineOf(seals[0]!)}\nx`],
    ['another format', '{}'],
    ['a head that does not end', JSON.stringify(headJson(seals[0]!), undefined, 2).slice(0, -1)],
    ['much that is no head', '[\n'.repeat(20_000)],
  ])('are refused with %s', async (_what, text) => {
    await expect(read(text)).rejects.toBeInstanceOf(FormatError);
  });
});
