/** Detects changes of the victim's data by the attacker. */
import type { Campaign } from '../campaign.js';
import { readAll } from '../harvest.js';
import { dataOf, type SentRequest } from '../wire.js';

export class VictimWatch {
  private constructor(
    private readonly campaign: Campaign,
    private state: string,
  ) {}

  /** Records the victim's present data as the expected state. */
  static async begin(campaign: Campaign): Promise<VictimWatch> {
    return new VictimWatch(campaign, await stateOf(campaign));
  }

  /** Fast with access to the rows; otherwise the victim must read all that it can. */
  get isCheap(): boolean {
    return this.campaign.parts.observer.victimRows !== undefined;
  }

  /** Reports a change of the victim's data. */
  async check(at: string, request: SentRequest): Promise<void> {
    const state = await stateOf(this.campaign);
    if (state === this.state) return;
    this.state = state;
    const evidence = this.isCheap
      ? 'the victim’s rows are not what they were before this request'
      : 'what the victim reads is not what it was before the requests of this kind, of which this is the last';
    this.campaign.report({ attack: 'mutation', breach: 'victim changed', at, request, evidence });
  }
}

async function stateOf({ parts: { schema, wire, victims, victim, observer } }: Campaign): Promise<string> {
  const rows = await observer.victimRows?.();
  if (rows !== undefined) return rows;
  const readings = await readAll({ schema, wire }, victims[0]!, victim);
  return JSON.stringify(readings.map(({ answer }) => dataOf(answer)));
}
