/**
 * Detects changes of the victim's data by the attacker. What a server writes by itself (when an API key was last used, how
 * much has been used today) also changes while the attacker sends nothing: such a place proves nothing, and is noted.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Campaign } from '../campaign.js';
import { readAll } from '../harvest.js';
import { Loot } from '../loot.js';
import { changesBetween, readingOf, Restlessness, type Reading } from '../places.js';
import type { Credential, SentRequest } from '../wire.js';

/** Servers gather what they write by themselves for up to a minute. */
export const WATCHED_FOR_MS = 75_000;
const BETWEEN_READS_MS = 500;
/** The victim's own earlier changes have had their effects when nothing changes for this long. */
const STILL_AFTER_MS = 4_000;

export class VictimWatch {
  private readonly moving = new Restlessness();
  private state: Reading = new Map();

  private constructor(
    private readonly campaign: Campaign,
    private readonly known: Loot,
    private readonly watchedForMs: number,
  ) {}

  /**
   * Records the victim's present data as the expected state, when the effects of its own changes are there.
   *
   * @param watchedForMs how long the victim is watched without an attack before a change counts as the attacker's
   */
  static async begin(campaign: Campaign, watchedForMs = WATCHED_FOR_MS): Promise<VictimWatch> {
    const watch = new VictimWatch(campaign, new Loot(campaign.parts.victim), watchedForMs);
    watch.state = await watch.read();
    if (!watch.isCheap) await watch.settle();
    return watch;
  }

  /** Fast with access to the rows; otherwise the victim must read all that it can. */
  get isCheap(): boolean {
    return this.campaign.parts.observer.victimRows !== undefined;
  }

  /** Reports a change of the victim's data. */
  async check(at: string, request: SentRequest): Promise<void> {
    const changed = this.moving.but(await this.changes());
    if (changed.length === 0) return;
    const steady = this.isCheap
      ? changed
      : await this.moving.steadyOf(changed, this.quietChanges, this.watchedForMs / BETWEEN_READS_MS);
    if (steady.length === 0) return;
    const evidence = this.isCheap
      ? 'the victim’s rows are not what they were before this request'
      : `what the victim reads at ${steady.join(', ')} is not what it was before the requests of this kind, of which this is the last`;
    this.campaign.report({ attack: 'mutation', breach: 'victim changed', at, request, evidence });
  }

  /** Notes the places whose changes were not counted. */
  end(): void {
    const { note } = this.moving;
    if (note !== undefined) this.campaign.note(`of the victim: ${note}`);
  }

  private async settle(): Promise<void> {
    let still = 0;
    for (let waited = 0; still < STILL_AFTER_MS && waited < this.watchedForMs; waited += BETWEEN_READS_MS) {
      const changed = this.moving.but(await this.quietChanges());
      for (const place of changed) this.moving.restless.add(place);
      still = changed.length === 0 ? still + BETWEEN_READS_MS : 0;
    }
  }

  private async changes(): Promise<string[]> {
    const before = this.state;
    this.state = await this.read();
    return changesBetween(before, this.state);
  }

  /** What changes while only the victim uses its tokens and keys. */
  private readonly quietChanges = async (): Promise<string[]> => {
    await wait(Math.min(BETWEEN_READS_MS, this.watchedForMs));
    await useKeys(this.campaign);
    return this.changes();
  };

  private async read(): Promise<Reading> {
    const { schema, wire, victims, observer } = this.campaign.parts;
    const rows = await observer.victimRows?.();
    if (rows !== undefined) return new Map([['the rows', rows]]);
    // A copy, so that each reading asks for the same.
    return readingOf(await readAll({ schema, wire }, victims[0]!, new Loot(this.known)));
  }
}

/** The victim's API keys that are known, each for a request that reads nothing. */
async function useKeys({ parts: { wire, victim } }: Campaign): Promise<void> {
  const keys = new Set([...victim].map(({ value }) => value).filter((value) => API_KEY.test(value)));
  for (const token of [...keys].slice(0, MOST_KEYS)) {
    const as: Credential = { label: 'an API key of the victim', variable: 'KEY_B', token };
    await wire.send({ as, body: { query: '{ __typename }' } });
  }
}

const API_KEY = /^tk_.{17,}/;
const MOST_KEYS = 20;
