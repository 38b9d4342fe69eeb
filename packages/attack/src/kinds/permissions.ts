/**
 * Finds data of its own tenant that a caller receives without permission. Introspection shows a caller the fields that
 * it may read. Values that the first attacker reads only in other fields must not be in any answer to the caller: data,
 * errors and their extensions, headers.
 */
import { getNamedType, isObjectType, isScalarType, type GraphQLSchema } from 'graphql';
import type { Campaign } from '../campaign.js';
import { told } from '../compare.js';
import { readAll, readDeep, readPages } from '../harvest.js';
import { Loot, MARK, newMark, type LootValue } from '../loot.js';
import { buildRequest, nameOf, rootPaths } from '../operations.js';
import { TAKES_AWAY } from '../plant.js';
import { pointsOf } from '../points.js';
import { NoSchema, readLiveSchema } from '../schema.js';
import { Search, wordsOf } from '../search.js';
import { fillPath, fillPoint, type Filling } from '../values.js';
import type { Answer, Credential, SentRequest } from '../wire.js';

/** Used for each number argument of mutations: no row has had so many changes. */
const NEVER = 987_654_321;

/** Enough to reach the rows in a mutation's payload. */
const DEPTH = 3;

/**
 * Reports what callers are told of their own tenant without the permission for it. With a single caller there is
 * nothing to compare, which is noted.
 *
 * @param lesser callers of the attackers' tenant with fewer permissions
 * @param write whether mutations are tried as well
 */
export async function tryPermissions(
  campaign: Campaign,
  { lesser, write }: { readonly lesser: readonly Credential[]; readonly write: boolean },
): Promise<void> {
  const [, ...others] = campaign.parts.attackers;
  const callers = [...others, ...lesser];
  if (callers.length === 0) {
    campaign.note(
      'what callers with fewer permissions are told of their own tenant: there is one caller of A',
    );
    return;
  }
  await tryPermissionsOf(campaign, callers, { write });
}

/** The same for these callers of the attackers' tenant. */
export async function tryPermissionsOf(
  campaign: Campaign,
  callers: readonly Credential[],
  { write }: { readonly write: boolean },
): Promise<void> {
  const { schema, wire, attackers } = campaign.parts;
  for (const as of callers) {
    // Computed again for each, because the previous one has written.
    const all = new Loot();
    await readPages({ schema, wire }, attackers[0]!, all);
    const probe = await Probe.of(campaign, as, all);
    if (!probe) continue;
    await probe.queries();
    if (write) await probe.mutations();
  }
}

/** One caller, and the values that must not be in its answers. */
class Probe {
  readonly #campaign: Campaign;
  readonly #as: Credential;
  /** The values that the first attacker has read, for ids. */
  readonly #all: Loot;
  readonly #search: Search;

  private constructor(campaign: Campaign, as: Credential, all: Loot, search: Search) {
    this.#campaign = campaign;
    this.#as = as;
    this.#all = all;
    this.#search = search;
  }

  /** Undefined when the caller may read everything, or introspection does not tell. */
  static async of(campaign: Campaign, as: Credential, all: Loot): Promise<Probe | undefined> {
    const { schema, wire } = campaign.parts;
    const visible = await schemaOf(campaign, as);
    if (!visible) return undefined;
    const given = new Loot();
    await readAll({ schema: visible, wire }, as, given);
    const open = new Set<string>();
    for (const [places, isGiven] of [
      [all, false],
      [given, true],
    ] as const) {
      for (const { value, at } of places)
        if (isField(schema, at) && (isGiven || isField(visible, at))) open.add(value);
    }
    const search = new Search();
    for (const loot of all) {
      const isHidden = isField(schema, loot.at) && !open.has(loot.value);
      if (isHidden && isTelling(loot)) search.add(loot);
    }
    return search.size === 0 ? undefined : new Probe(campaign, as, all, search);
  }

  async queries(): Promise<void> {
    const { schema, wire } = this.#campaign.parts;
    const filling: Filling = { own: this.#all, text: () => 'nothing', optionalTexts: false };
    for (const path of rootPaths(schema, 'query')) {
      const given = fillPath(path, filling);
      if (!given) continue;
      this.#campaign.count('permission');
      const { request, answer } = await readDeep({ schema, wire, as: this.#as }, path, given);
      this.#inspect(nameOf(path), { as: this.#as, body: request }, answer);
    }
  }

  /**
   * Each is sent with an unused number, so that it is refused and the row's values stay valid for the search; then with
   * valid values. All are also sent with an idempotency key, and repeated.
   */
  async mutations(): Promise<void> {
    const { schema } = this.#campaign.parts;
    for (const path of rootPaths(schema, 'mutation')) {
      const idsOfNothing = TAKES_AWAY.test(path.steps[0]!.field.name);
      const filling: Filling = { own: this.#all, text: newMark, optionalTexts: true, idsOfNothing };
      const numbers = pointsOf(schema, 'mutation').filter(
        (point) =>
          point.path.steps[0]!.field === path.steps[0]!.field && /^(Int|Float)$/.test(point.type.name),
      );
      const tries = [...numbers.map((point) => fillPoint(point, NEVER, filling)), fillPath(path, filling)];
      for (const given of tries) {
        if (!given) continue;
        const body = buildRequest(schema, path, given, DEPTH);
        await this.#send(nameOf(path), { as: this.#as, body });
        const kept = { as: this.#as, body, headers: { 'idempotency-key': newMark() } };
        await this.#send(nameOf(path), kept);
        await this.#send(nameOf(path), kept);
      }
    }
  }

  async #send(at: string, request: SentRequest): Promise<void> {
    this.#campaign.count('permission');
    this.#inspect(at, request, await this.#campaign.parts.wire.send(request));
  }

  #inspect(at: string, request: SentRequest, answer: Answer): void {
    const text = told(answer);
    const sent = new Set(
      this.#search.find(JSON.stringify([request.body, request.headers])).map(({ loot }) => loot.value),
    );
    for (const { loot, form } of this.#search.find(text)) {
      if (sent.has(loot.value)) continue;
      const around = text.toLowerCase().indexOf(form);
      const excerpt = text.slice(Math.max(0, around - 60), around + form.length + 20).replaceAll('\n', ' ');
      const evidence = `${loot.at} = ${loot.value.slice(0, 80)}, which this caller may not read: …${excerpt}…`;
      this.#campaign.report({ attack: 'permission', breach: 'value found', at, request, evidence });
    }
  }
}

async function schemaOf(campaign: Campaign, as: Credential): Promise<GraphQLSchema | undefined> {
  try {
    return await readLiveSchema(campaign.parts.wire, [as]);
  } catch (error) {
    if (!(error instanceof NoSchema)) throw error;
    campaign.note(`what ${as.label} may read: the server does not show it a schema`);
    return undefined;
  }
}

/** Whether a place is a field of the schema and not part of a JSON value, which the schema does not describe. */
function isField(schema: GraphQLSchema, at: string): boolean {
  const [type = '', name = '', ...within] = at.split('.');
  const parent = schema.getType(type);
  const field = isObjectType(parent) ? parent.getFields()[name] : undefined;
  if (!field || within.length > 0) return false;
  const named = getNamedType(field.type);
  return !isScalarType(named) || !named.name.startsWith('JSON');
}

/** Whether a value does not occur by chance: a word of the attack, an address, a sentence. */
const isTelling = ({ kind, value }: LootValue): boolean =>
  value.search(MARK) !== -1 || kind === 'email' || (kind === 'text' && wordsOf(value).length > 3);
