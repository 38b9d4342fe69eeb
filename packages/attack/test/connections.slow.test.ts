/**
 * What the attack finds over WebSocket and in event streams: the leaks of small servers that leak in one way each, and
 * that nothing counts as tried which a server has not answered.
 */
import { describe, expect, test } from 'vitest';
import { Campaign } from '../src/campaign.js';
import { tryInSocketQueries } from '../src/kinds/socket-operations.js';
import { trySubscriptions } from '../src/kinds/subscriptions.js';
import { Loot, lootValue } from '../src/loot.js';
import { Search } from '../src/search.js';
import { Wire, type Credential } from '../src/wire.js';
import { OWN, schema, startToyServer, VICTIMS, VICTIMS_TEXT, type Fault } from './support/toy-server.js';

const caller = (tenant: string): Credential => ({
  label: tenant,
  variable: tenant.toUpperCase(),
  token: tenant,
});

async function campaignAgainst(fault: Fault): Promise<Campaign> {
  const server = await startToyServer(fault);
  const wire = new Wire(server.url);
  const victim = new Loot([lootValue('Note.id', VICTIMS, 'ID')]);
  const search = new Search();
  search.add(lootValue('Note.text', VICTIMS_TEXT, 'String'));
  const campaign = new Campaign({
    schema,
    wire,
    attackers: [caller('acme')],
    victims: [caller('globex')],
    own: new Loot([lootValue('Note.id', OWN, 'ID')]),
    victim,
    search,
    observer: {},
    isDistinctive: () => true,
    isCertain: () => true,
  });
  try {
    await tryInSocketQueries(campaign);
    await trySubscriptions(campaign, { write: false, quietMs: 10 });
  } finally {
    wire.close();
    await server.close();
  }
  return campaign;
}

const breachesOf = ({ breaches }: Campaign) =>
  breaches.map(({ attack, breach, at }) => `${attack}: ${breach} at ${at}`);

test('a server that leaks nothing is tried in every way', async () => {
  const campaign = await campaignAgainst('nothing');
  expect(campaign.breaches).toEqual([]);
  expect([...campaign.notAttacked]).toEqual([]);
  expect(campaign.attacks).toEqual({ 'websocket query': 2, subscription: 2, stream: 2 });
});

describe('a leak is found', () => {
  test.each<[Fault, readonly string[]]>([
    ['query leaks', ['websocket query: value found at Query.note(id:)']],
    ['query leaks a number', ['websocket query: answers differ at Query.count(id:)']],
    ['subscription leaks', ['subscription: told of a change at Subscription.noteChanged(id:)']],
    ['stream leaks', ['stream: told of a change at Subscription.noteChanged(id:)']],
  ])('%s', async (fault, expected) => {
    const campaign = await campaignAgainst(fault);
    expect(breachesOf(campaign)).toEqual(expect.arrayContaining([...expected]));
    const [attack] = expected[0]!.split(':');
    expect(new Set(campaign.breaches.map((each) => each.attack))).toEqual(new Set([attack]));
  });
});

describe('what is not answered does not count as tried, and the report says so', () => {
  test.each<[Fault, Readonly<Record<string, number>>, readonly string[]]>([
    [
      'sockets close',
      { stream: 2 },
      [
        'Subscription.noteChanged over WebSocket: the connection was closed 1012',
        'Subscription.noteChanged(id:) over WebSocket: the connection was closed 1012',
      ],
    ],
    [
      'sockets close later',
      { stream: 2 },
      [
        'Query.note(id:) over WebSocket: the connection was closed 1012',
        'Query.count(id:) over WebSocket: the connection was closed 1012',
        'Subscription.noteChanged over WebSocket: the connection was closed 1012',
        'Subscription.noteChanged(id:) over WebSocket: the connection was closed 1012',
      ],
    ],
    [
      'queries are refused',
      { stream: 2 },
      [
        'Query.note(id:) over WebSocket: the server refused it for its rate',
        'Query.count(id:) over WebSocket: the server refused it for its rate',
        'Subscription.noteChanged over WebSocket: the server refused it for its rate',
        'Subscription.noteChanged(id:) over WebSocket: the server refused it for its rate',
      ],
    ],
    [
      'streams are refused',
      { 'websocket query': 2, subscription: 2 },
      [
        'Subscription.noteChanged as an event stream: it was answered 503',
        'Subscription.noteChanged(id:) as an event stream: it was answered 503',
      ],
    ],
    [
      'streams end',
      { 'websocket query': 2, subscription: 2 },
      [
        'Subscription.noteChanged as an event stream: the stream has ended',
        'Subscription.noteChanged(id:) as an event stream: the stream has ended',
      ],
    ],
  ])('%s', async (fault, attacks, notAttacked) => {
    const campaign = await campaignAgainst(fault);
    expect(campaign.breaches).toEqual([]);
    expect([...campaign.notAttacked].map(([name, why]) => `${name}: ${why}`).sort()).toEqual(
      [...notAttacked].sort(),
    );
    expect(campaign.attacks).toEqual(attacks);
  });

  test('a server without WebSockets', async () => {
    const campaign = await campaignAgainst('sockets close');
    expect(campaign.notChecked).toContain('queries over WebSocket: the connection was closed 1012');
  });
});
