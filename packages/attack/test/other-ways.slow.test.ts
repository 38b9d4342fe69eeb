/**
 * Leaks that one operation by POST does not show: by GET, beside another value, in a batch, by two values together, and what
 * a mutation changes of the victim while the server changes values by itself.
 */
import { describe, expect, test } from 'vitest';
import { Campaign } from '../src/campaign.js';
import { compareReads } from '../src/kinds/blind-reads.js';
import { tryPairsInMutations, tryPairsInQueries } from '../src/kinds/pairs.js';
import { tryInSocketMutations } from '../src/kinds/socket-operations.js';
import { tryInMutations, tryInQueries } from '../src/kinds/values.js';
import { VictimWatch } from '../src/kinds/victim.js';
import { asAliases, tryOtherWays } from '../src/kinds/ways.js';
import { readAll } from '../src/harvest.js';
import { Loot } from '../src/loot.js';
import { plant } from '../src/plant.js';
import { Search } from '../src/search.js';
import { Wire, type Credential } from '../src/wire.js';
import { schema, startNotesServer, type Fault } from './support/notes-server.js';

const caller = (tenant: string): Credential => ({
  label: tenant,
  variable: tenant.toUpperCase(),
  token: tenant,
});

/** Long enough to see that the use of a tenant grows with each request. */
const WATCHED_FOR_MS = 1_500;

async function campaignAgainst(fault: Fault, work: (campaign: Campaign) => Promise<void>): Promise<Campaign> {
  const server = await startNotesServer(fault);
  const wire = new Wire(server.url);
  const [own, victim] = [new Loot(), new Loot()];
  const search = new Search();
  const campaign = new Campaign({
    schema,
    wire,
    attackers: [caller('acme')],
    victims: [caller('globex')],
    own,
    victim,
    search,
    observer: {},
    isDistinctive: ({ kind }) => kind === 'id' || kind === 'text',
    isCertain: () => true,
  });
  try {
    await readAll({ schema, wire }, caller('acme'), own);
    await readAll({ schema, wire }, caller('globex'), victim);
    for (const loot of victim) campaign.lookFor(loot);
    await work(campaign);
  } finally {
    wire.close();
    await server.close();
  }
  return campaign;
}

async function tryReads(campaign: Campaign): Promise<void> {
  await tryInQueries(campaign);
  await tryOtherWays(campaign);
  await tryPairsInQueries(campaign);
}

async function tryWrites(campaign: Campaign): Promise<void> {
  const watch = await VictimWatch.begin(campaign, WATCHED_FOR_MS);
  await tryInMutations(campaign, watch);
  await tryPairsInMutations(campaign, watch);
  await tryInSocketMutations(campaign, watch);
  watch.end();
}

const found = ({ breaches }: Campaign): readonly string[] =>
  [...new Set(breaches.map(({ attack, breach }) => `${attack}: ${breach}`))].sort();

describe('reads', () => {
  test.each<[Fault, readonly string[]]>([
    ['nothing', []],
    ['gets leak', ['get request: answers differ', 'get request: value found']],
    ['aliases leak', ['alias: answers differ', 'alias: value found']],
    ['batches leak', ['batch: answers differ', 'batch: value found']],
    ['pairs leak', ['pair: answers differ', 'pair: value found']],
  ])('%s', async (fault, expected) => {
    const campaign = await campaignAgainst(fault, tryReads);
    expect(found(campaign)).toEqual(expected);
    for (const attack of ['get request', 'alias', 'batch', 'pair'] as const)
      expect(campaign.attacks[attack]).toBeGreaterThan(0);
  });
});

describe('changes of the victim, where its use changes by itself', () => {
  test.each<[Fault, string | undefined]>([
    ['nothing', undefined],
    ['a mutation changes others', 'Mutation.renameNote(id:)'],
    ['a pair changes others', 'Mutation.renameNote(id:, topicId:)'],
    ['a mutation over WebSocket changes others', 'Mutation.renameNote(id:) over WebSocket'],
  ])('%s', async (fault, at) => {
    const campaign = await campaignAgainst(fault, tryWrites);
    const changed = campaign.breaches.filter(({ breach }) => breach === 'victim changed');
    const places = changed.map((each) => each.at);
    if (at === undefined) expect(places).toEqual([]);
    else expect(places).toContain(at);
    for (const { evidence } of changed) expect(evidence).toContain('Query.notes.text');
    expect(campaign.notChecked).toEqual([expect.stringContaining('Query.use')]);
    expect(campaign.attacks['websocket mutation']).toBeGreaterThan(0);
  });
});

describe('reads before and after a change of the victim', () => {
  const plantAsVictim = (campaign: Campaign) =>
    compareReads(
      campaign,
      async () => {
        const { wire, victim } = campaign.parts;
        await plant({ schema, wire, as: caller('globex'), own: victim });
      },
      10,
    );

  test('what changes by itself is no breach', async () => {
    const campaign = await campaignAgainst('nothing', plantAsVictim);
    expect(campaign.breaches).toEqual([]);
    expect(campaign.notChecked).toEqual([expect.stringContaining('Query.use')]);
  });

  test('what changes with each change of the victim is one', async () => {
    const campaign = await campaignAgainst('a number depends on others', plantAsVictim);
    expect(campaign.breaches.map(({ at, breach }) => `${breach} at ${at}`)).toEqual([
      'answers differ at Query.count',
    ]);
  });
});

test('several requests become one operation, each with its own variables', () => {
  const { query, variables } = asAliases(
    ['a', 'b'].map((id) => ({ query: 'query ($id: ID!) { note(id: $id) { text } }', variables: { id } })),
  );
  expect(query!.replace(/\s+/g, ' ')).toBe(
    'query ($id_of_0: ID!, $id_of_1: ID!) { note_of_0: note(id: $id_of_0) { text } note_of_1: note(id: $id_of_1) { text } }',
  );
  expect(variables).toEqual({ id_of_0: 'a', id_of_1: 'b' });
});
