/**
 * Runs the whole attack, reads first, so that the attacker's own writes do not look like leaks. It needs only a URL and
 * tokens of two tenants.
 */
import { printSchema, type GraphQLSchema } from 'graphql';
import { Campaign, type Observer } from './campaign.js';
import { readAll, readPages } from './harvest.js';
import { compareReads } from './kinds/blind-reads.js';
import { hostOf, tryCredentials } from './kinds/credentials.js';
import { tryHostileRequests } from './kinds/hostile-requests.js';
import { tryDocuments, tryIdempotencyKeys } from './kinds/keys.js';
import { tryPairsInMutations, tryPairsInQueries } from './kinds/pairs.js';
import { tryPermissions, tryPermissionsOf } from './kinds/permissions.js';
import { readEverything, tryChoices } from './kinds/reads.js';
import { trySubscriptions } from './kinds/subscriptions.js';
import { tryInSocketMutations, tryInSocketQueries } from './kinds/socket-operations.js';
import { tryOtherWays } from './kinds/ways.js';
import { tryInMutations, tryInQueries } from './kinds/values.js';
import { VictimWatch } from './kinds/victim.js';
import { forgetMarks, hasEarlierMark, Loot, MARK, type LootValue } from './loot.js';
import { rootPaths } from './operations.js';
import { plant } from './plant.js';
import type { Report } from './report.js';
import { readLiveSchema } from './schema.js';
import { withEachPermission } from './single-permissions.js';
import { certain, distinctive, Search, wordsOf } from './search.js';
import { dataOf, Wire, type Credential } from './wire.js';

export interface AttackOptions {
  readonly url: URL;
  /** Users of the attacking tenant and of the victim; the first of each should have all permissions. */
  readonly attackers: readonly Credential[];
  readonly victims: readonly Credential[];
  /** The schema as SDL; undefined to use introspection. */
  readonly schema?: GraphQLSchema;
  /**
   * Callers of the attacking tenant with few permissions. Like the other attackers, they are tried on its own data. Undefined:
   * with `write`, an API key is made for each permission.
   */
  readonly lesser?: readonly Credential[];
  /** Whether both tenants may be changed. */
  readonly write: boolean;
  readonly observer?: Observer;
  /**
   * Further known values of both tenants: rows of the database, invitations and keys. Passing them implies that there
   * was no earlier run.
   */
  readonly victimValues?: readonly LootValue[];
  readonly ownValues?: readonly LootValue[];
  /** Values that both tenants may have. */
  readonly shared?: readonly string[];
  /** The names of what is declared as not attacked: `Mutation.acceptInvitation`, `Query.reports(filter.area:)`. */
  readonly notAttacked?: readonly string[];
  /** The parent domain of the tenants' hosts. */
  readonly baseDomain?: string;
  /** How long to wait for events that must not arrive. */
  readonly quietMs?: number;
  /** How long what changes is watched, to see whether it changes by itself; a little more than a minute by default. */
  readonly watchedForMs?: number;
  /** Called with the progress: each part when it begins, and the number of requests every fifteen seconds. */
  readonly progress?: (what: string) => void;
}

/** How often the progress has the number of requests. */
const TELL_EVERY_MS = 15_000;

/** @throws NoSchema, Unreachable */
export async function attack(options: AttackOptions): Promise<Report> {
  const begun = performance.now();
  forgetMarks();
  const wire = new Wire(options.url);
  const ticks = setInterval(
    () => options.progress?.(`  ${String(wire.count)} requests so far`),
    TELL_EVERY_MS,
  );
  try {
    const { campaign, earlier } = await prepare(wire, options);
    const leftOut = await harvest(campaign, earlier, options);
    await runAll(campaign, options);
    if (campaign.ambiguous.size > 0) {
      const places = [...campaign.ambiguous].join(', ');
      campaign.note(
        `what these answer for values that the attacker’s tenant may have for another reason: ${places}`,
      );
    }
    const { breaches, attacks, withoutEffect, notChecked } = campaign;
    return {
      breaches,
      attacks,
      withoutEffect,
      notAttacked: undeclared(campaign.notAttacked, options.notAttacked ?? []),
      notChecked,
      searchedFor: campaign.parts.search.size,
      notSearchedFor: leftOut,
      requests: wire.count,
      seconds: (performance.now() - begun) / 1_000,
    };
  } finally {
    clearInterval(ticks);
    wire.close();
  }
}

/**
 * Includes declared points that were attacked, because the declaration would hide it if they were no longer attacked.
 */
function undeclared(found: ReadonlyMap<string, string>, declared: readonly string[]): string[] {
  const stale = declared.filter((name) => !found.has(name));
  const left = [...found]
    .filter(([name]) => !declared.includes(name))
    .map(([name, why]) => `${name}: ${why}`);
  return [
    ...left,
    ...stale.map((name) => `${name}: declared as not attacked, but it is attacked or not there`),
  ];
}

async function prepare(
  wire: Wire,
  options: AttackOptions,
): Promise<{ readonly campaign: Campaign; readonly earlier: EarlierRun }> {
  const { attackers, victims, observer = {} } = options;
  options.progress?.('reading the schema');
  const schema = options.schema ?? (await readLiveSchema(wire, [...attackers, ...victims]));
  const shared = new Set(options.shared);
  const victim = new Loot(options.victimValues);
  const own = new Loot(options.ownValues);
  const search = new Search();
  const isUnlikeOthers = distinctive(own, new Set(wordsOf(printSchema(schema))));
  // If there are planted texts, only these are used, because both tenants may have written the same other texts.
  const isPlanted = ({ kind, value }: LootValue) =>
    !options.write || kind !== 'text' || value.search(MARK) !== -1;
  const isDistinctive = (loot: LootValue) =>
    !shared.has(loot.value) && isPlanted(loot) && isUnlikeOthers(loot);
  const earlier = new EarlierRun();
  const isCertain = certain(own, (loot) => earlier.mayHaveWritten(loot));
  const parts = { schema, wire, attackers, victims, own, victim, search, observer, isDistinctive, isCertain };
  return { campaign: new Campaign(parts), earlier };
}

/**
 * A run with --write leaves values of the victim in the attacker's tenant, and texts of its own in both. Where there are
 * such texts at the start, everything that the victim had then may be in the attacker's tenant.
 */
class EarlierRun {
  #left: ReadonlySet<string> | undefined;

  isKnown = false;

  /**
   * To be called after the first reading of both tenants, before anything is planted. Without --write nothing is planted
   * that could stand for what is there, so nothing counts as ambiguous.
   */
  lookAt(victim: Loot, own: Loot, write: boolean): void {
    this.isKnown = [...victim, ...own].some(({ value }) => hasEarlierMark(value));
    if (!this.isKnown || !write) return;
    this.#left = new Set([...victim].map(({ value }) => value));
  }

  mayHaveWritten({ value, planted }: LootValue): boolean {
    // The victim had further values that were not read; what this run has planted is new.
    return this.#left !== undefined && (this.#left.has(value) || planted !== true || hasEarlierMark(value));
  }
}

/** Reads both tenants, and plants the victim's texts between two reads of the attacker. */
async function harvest(
  campaign: Campaign,
  earlier: EarlierRun,
  { write, progress, victimValues, watchedForMs }: AttackOptions,
): Promise<number> {
  const { schema, wire, attackers, victims, own, victim, search } = campaign.parts;
  progress?.('reading what both tenants have');
  for (const as of victims) await readAll({ schema, wire }, as, victim);
  for (const as of attackers) await readPages({ schema, wire }, as, own);
  if (!victimValues) earlier.lookAt(victim, own, write);
  if (write) {
    progress?.('planting texts');
    await plant({ schema, wire, as: attackers[0]!, own });
    const change = async () => {
      const { refused } = await plant({ schema, wire, as: victims[0]!, own: victim });
      for (const [name, why] of refused) {
        campaign.notAttacked.set(`Mutation.${name}`, `the victim could plant nothing with it: ${why}`);
      }
    };
    await compareReads(campaign, change, watchedForMs);
    for (const as of victims) await readAll({ schema, wire }, as, victim);
    for (const as of attackers) await readAll({ schema, wire }, as, own);
  }
  const all = [...victim];
  for (const loot of all) campaign.lookFor(loot);
  if (earlier.isKnown) {
    const what =
      'the values that the victim had before this run: an earlier run with --write may have written them into the attacker’s tenant';
    campaign.note(
      write
        ? `${what}. What the victim planted in this run stands for them`
        : `${what}, and they count as breaches where they are found. With --write the victim plants others`,
    );
  }
  return all.filter(({ value }) => !search.has(value)).length;
}

async function runAll(campaign: Campaign, options: AttackOptions): Promise<void> {
  const { write, observer = {}, progress = () => undefined, quietMs = 1_500 } = options;
  progress('reading everything');
  await readEverything(campaign);
  await tryChoices(campaign);
  progress('trying the victim’s values in queries');
  await tryInQueries(campaign);
  await tryInSocketQueries(campaign);
  await tryOtherWays(campaign);
  await tryPairsInQueries(campaign);
  await tryDocuments(campaign);
  await tryHosts(campaign, options);
  progress('subscribing');
  await trySubscriptions(campaign, { write, quietMs });
  if (write) {
    progress('trying the victim’s values in mutations');
    const watch = await VictimWatch.begin(campaign, options.watchedForMs);
    await tryInMutations(campaign, watch);
    await tryPairsInMutations(campaign, watch);
    await tryInSocketMutations(campaign, watch);
    watch.end();
    // After the mutations, because here the victim changes its rows, which would hide the same change by the attacker.
    await tryIdempotencyKeys(campaign);
    await readEverything(campaign);
  } else if (rootPaths(campaign.parts.schema, 'mutation').length > 0) {
    const kept = 'mutations, idempotency keys, and whether what the attacker reads depends on the victim';
    campaign.note(`${kept}: nothing is written without --write`);
  }
  progress('reading as callers with few permissions');
  await tryPermissions(campaign, { lesser: options.lesser ?? [], write });
  if (write && !options.lesser) {
    await withEachPermission(campaign, (key) => tryPermissionsOf(campaign, [key], { write }));
  }
  // Last, because their writes would hide changes by other attacks.
  progress('sending hostile requests');
  await tryHostileRequests(campaign, { write });
  if (!observer.statements) campaign.note('the number of SQL statements: give --database-url');
  if (!observer.log) campaign.note('the server’s log: give --log-file');
  else if (!campaign.logSpeaksOfAttacker)
    campaign.note('the server’s log: no line of it names a request (x-request-id)');
}

async function tryHosts(campaign: Campaign, { url, baseDomain }: AttackOptions): Promise<void> {
  const { wire, attackers, victims, victim } = campaign.parts;
  const slugOf = async (as: Credential) => {
    const answer = await wire.send({ as, body: { query: '{ tenant { slug } }' } });
    const { slug } = (dataOf(answer)?.['tenant'] ?? {}) as { slug?: string };
    return slug;
  };
  const [own, other] = [await slugOf(attackers[0]!), await slugOf(victims[0]!)];
  if (own === undefined || other === undefined) {
    campaign.note('hosts of tenants: the API does not tell a tenant’s subdomain (tenant { slug })');
    return;
  }
  const hosts = { attacker: hostOf(url, own, baseDomain), victim: hostOf(url, other, baseDomain) };
  const keys = [...victim].filter(({ value }) => value.startsWith('tk_') && value.length > 20);
  await tryCredentials(campaign, hosts, [...new Set(keys.map(({ value }) => value))].slice(0, 3));
}
