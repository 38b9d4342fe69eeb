/**
 * One attack after the other, and what is asked of each: that the answer to the victim's value is, byte for byte, the
 * answer to one that nobody has, that it takes as many SQL statements, and that nothing of the victim is in it, nor in
 * what the server logs of it.
 */
import type { GraphQLSchema } from 'graphql';
import { firstDifference, told, toldByMutation, without } from './compare.js';
import type { Loot, LootValue } from './loot.js';
import type { AttackKind, Breach, BreachKind } from './report.js';
import type { Search } from './search.js';
import { asCurl, type Answer, type Credential, type SentRequest, type Wire } from './wire.js';

/** What can be looked at beside the answers. */
export interface Observer {
  /** Does the work, and tells how many SQL statements the server has sent for it. */
  readonly statements?: (work: () => Promise<void>) => Promise<number>;
  /** What the server has logged since it was last asked. */
  readonly log?: () => Promise<string>;
  /** Changes with every change of the victim's rows. */
  readonly victimRows?: () => Promise<string>;
}

export interface CampaignParts {
  readonly schema: GraphQLSchema;
  readonly wire: Wire;
  readonly attackers: readonly Credential[];
  readonly victims: readonly Credential[];
  readonly own: Loot;
  readonly victim: Loot;
  readonly search: Search;
  readonly observer: Observer;
  readonly isCommon: (value: string) => boolean;
}

/** A request for each value: the victim's, and the one it is compared with. */
export interface Pair {
  readonly attack: AttackKind;
  readonly at: string;
  readonly loot: LootValue;
  readonly other: string;
  readonly request: (value: string) => SentRequest;
}

/** What differs must differ each time: others may be changing the attacker's tenant meanwhile. */
const ATTEMPTS = 3;

export class Campaign {
  readonly breaches: Breach[] = [];
  readonly attacks: Partial<Record<AttackKind, number>> = {};
  readonly withoutEffect: string[] = [];
  readonly notChecked: string[] = [];
  /** Values of the victim that the attacker has put into its own tenant: there they will be found. */
  private readonly broughtIn = new Set<string>();
  private readonly searched = new Set<string>();

  constructor(readonly parts: CampaignParts) {}

  /** A sample of the victim's values is of no use as an attack when the attacker has it too. */
  readonly isUseless = (value: string): boolean =>
    value.length < 3 || this.parts.isCommon(value) || this.parts.own.has(value);

  count(attack: AttackKind): void {
    this.attacks[attack] = (this.attacks[attack] ?? 0) + 1;
  }

  /** Sends a request; nothing of the victim may be in what comes of it. */
  async send(attack: AttackKind, at: string, request: SentRequest, sent?: string): Promise<Answer> {
    const answer = await this.parts.wire.send(request);
    this.inspect({ attack, at, request, where: 'the answer' }, told(answer, sent));
    await this.inspectLog(attack, at, request, sent);
    return answer;
  }

  /** Two requests that must be answered alike. @returns the answer to the value that nobody has */
  async compare(pair: Pair): Promise<Answer> {
    const { attack, at, loot, other, request } = pair;
    this.count(attack);
    for (let attempt = 1; ; attempt++) {
      const control = await this.observed(pair, other);
      const tried = await this.observed(pair, loot.value);
      const [expected, seen] = [control, tried].map(({ answer }, n) =>
        (attack === 'mutation' ? toldByMutation : told)(answer, n === 0 ? other : loot.value),
      ) as [string, string];
      if (attack === 'mutation' && tried.answer.body.includes('"data":{')) this.broughtIn.add(loot.value);
      const difference: readonly [BreachKind, string] | undefined =
        expected !== seen
          ? ['answers differ', firstDifference(seen, expected)]
          : control.statements !== tried.statements
            ? ['statements differ', `${String(tried.statements)} ≠ ${String(control.statements)}`]
            : undefined;
      if (!difference) return control.answer;
      if (attempt < ATTEMPTS) continue;
      const [breach, evidence] = difference;
      this.report({ attack, breach, at, request: request(loot.value), loot, evidence });
      return control.answer;
    }
  }

  /** Nothing of the victim may be in a text that the attacker was given. */
  inspect(
    { attack, at, request, where }: { attack: AttackKind; at: string; request: SentRequest; where: string },
    text: string,
  ): void {
    if (this.searched.has(text)) return;
    this.searched.add(text);
    for (const { loot, form } of this.parts.search.find(text)) {
      if (this.broughtIn.has(loot.value)) continue;
      const around = text.toLowerCase().indexOf(form);
      const excerpt = text.slice(Math.max(0, around - 60), around + form.length + 20).replaceAll('\n', ' ');
      const evidence = `${loot.at} = ${shortened(loot.value)} in ${where}: …${excerpt}…`;
      this.report({ attack, breach: 'value found', at, request, evidence });
    }
  }

  report({
    request,
    loot,
    ...breach
  }: Omit<Breach, 'as' | 'command' | 'sent'> & { request: SentRequest; loot?: LootValue }): void {
    const { at, as } = { at: breach.at, as: request.as.label };
    const same = (known: Breach) =>
      known.at === at && known.as === as && known.breach === breach.breach && known.attack === breach.attack;
    // The first three tell what is wrong; a list without a filter would fill pages.
    if (this.breaches.filter(same).length >= 3) return;
    this.breaches.push({
      ...breach,
      as,
      ...(loot && { sent: `${shortened(loot.value)}, the victim’s ${loot.at}` }),
      command: asCurl(this.parts.wire.url, request),
    });
  }

  private async observed({ attack, at, request }: Pair, value: string) {
    const { statements: count } = this.parts.observer;
    let answer: Answer | undefined;
    const work = async () => {
      answer = await this.send(attack, at, request(value), value);
    };
    const statements = count ? await count(work) : await work();
    return { answer: answer!, statements: statements ?? undefined };
  }

  private async inspectLog(attack: AttackKind, at: string, request: SentRequest, sent?: string): Promise<void> {
    const { log } = this.parts.observer;
    if (!log) return;
    this.inspect({ attack, at, request, where: 'the log' }, without(await log(), sent));
  }
}

const shortened = (value: string) => (value.length > 80 ? `${value.slice(0, 80)}…` : value);
