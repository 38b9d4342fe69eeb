/**
 * The victim's values in queries that reach the same resolvers in another way than one operation by POST: by GET, under an
 * alias beside the attacker's own value, and in a batch, as far as the server offers them. One value of each kind, because only the way differs; values.ts
 * tries all of them.
 */
import { Kind, parse, print, visit, type OperationDefinitionNode, type SelectionNode } from 'graphql';
import type { Campaign } from '../campaign.js';
import { buildRequest } from '../operations.js';
import { pointsOf, takesValue } from '../points.js';
import type { AttackKind } from '../report.js';
import { asInput, fillPoint, valuesFor } from '../values.js';
import { Unreachable, type Credential, type GraphqlRequest, type SentRequest } from '../wire.js';

const DEPTH = 2;

interface Way {
  readonly attack: AttackKind;
  /** The request for a value; `own` asks for the same with a value of the attacker. */
  readonly send: (as: Credential, body: GraphqlRequest, own: GraphqlRequest | undefined) => SentRequest;
}

const WAYS: readonly Way[] = [
  { attack: 'get request', send: (as, body) => ({ as, body, isGet: true }) },
  { attack: 'alias', send: (as, body, own) => ({ as, body: asAliases(own ? [own, body] : [body, body]) }) },
  {
    attack: 'batch',
    send: (as, body, own) => ({ as, body, json: JSON.stringify(own ? [own, body] : [body, body]) }),
  },
];

/** Whether the server answers anything there; what it refuses altogether reaches no resolver. */
async function isOffered({ parts: { wire } }: Campaign, { send }: Way, as: Credential): Promise<boolean> {
  try {
    const { body } = await wire.send(send(as, { query: '{ __typename }' }, undefined));
    return /"data":\s*\{/.test(body);
  } catch (error) {
    if (error instanceof Unreachable) return false;
    throw error;
  }
}

/** Reports where one of these ways answers the victim's value in another way than one that nobody has. */
export async function tryOtherWays(campaign: Campaign): Promise<void> {
  const { schema, own, victim, attackers } = campaign.parts;
  const as = attackers[0]!;
  const offered: Way[] = [];
  for (const way of WAYS) if (await isOffered(campaign, way, as)) offered.push(way);
  const filling = { own, text: () => 'nothing', optionalTexts: false };
  for (const point of pointsOf(schema, 'query').filter(takesValue)) {
    const bodyFor = (value: string): GraphqlRequest | undefined => {
      const given = fillPoint(point, asInput({ value }, point.type), filling);
      return given && buildRequest(schema, point.path, given, DEPTH);
    };
    const [ownLoot] = valuesFor(point, own);
    const ownBody = ownLoot && bodyFor(ownLoot.value);
    const kinds = new Set<string>();
    for (const loot of valuesFor(point, victim, campaign.isTelling)) {
      const other = campaign.unlike(loot);
      if (kinds.has(loot.kind) || other === undefined || !bodyFor(loot.value)) continue;
      kinds.add(loot.kind);
      for (const { attack, send } of offered) {
        await campaign.compare({
          attack,
          at: point.name,
          loot,
          other: (attempt) => (attempt === 1 ? other : (campaign.unlike(loot, attempt) ?? other)),
          request: (value) => send(as, bodyFor(value)!, ownBody),
        });
      }
    }
  }
}

/** One operation that asks for all of them, each under an alias of its own. */
export function asAliases(requests: readonly GraphqlRequest[]): GraphqlRequest {
  const variables: Record<string, unknown> = {};
  const operations = requests.map((request, n) => {
    const renamed = (name: string) => `${name}_of_${String(n)}`;
    for (const [name, value] of Object.entries(request.variables ?? {})) variables[renamed(name)] = value;
    const document = visit(parse(request.query!), {
      Variable: (node) => ({ ...node, name: { ...node.name, value: renamed(node.name.value) } }),
    });
    const operation = document.definitions[0] as OperationDefinitionNode;
    const selections = operation.selectionSet.selections.map((selection): SelectionNode =>
      selection.kind === Kind.FIELD
        ? { ...selection, alias: { kind: Kind.NAME, value: renamed(selection.name.value) } }
        : selection,
    );
    return { operation, selections };
  });
  const [{ operation }] = operations as [(typeof operations)[number]];
  const query = print({
    ...operation,
    variableDefinitions: operations.flatMap((each) => each.operation.variableDefinitions ?? []),
    selectionSet: {
      ...operation.selectionSet,
      selections: operations.flatMap((each) => each.selections),
    },
  });
  return { query, variables };
}
