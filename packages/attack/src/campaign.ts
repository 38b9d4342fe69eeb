/**
 * Runs attacks and checks each: the answer to the victim's value must have the same bytes as the answer to a value that
 * does not exist, it must take the same number of SQL statements, and neither the answer nor the server's log of it may
 * contain data of the victim.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { GraphQLSchema } from 'graphql';
import { firstDifference, told, toldByMutation, without } from './compare.js';
import { noteAnswer } from './harvest.js';
import { Loot, type LootValue } from './loot.js';
import type { Path } from './operations.js';
import type { AttackKind, Breach, BreachKind } from './report.js';
import type { Search } from './search.js';
import { unlike } from './unlike.js';
import { asCurl, requestIdsOf, type Answer, type Credential, type SentRequest, type Wire } from './wire.js';

/** Observes the server beyond its answers. */
export interface Observer {
  /** Runs the work, and returns the number of SQL statements that the server sent for it. */
  readonly statements?: (work: () => Promise<void>) => Promise<number>;
  /** The server's log since the last call. */
  readonly log?: () => Promise<string>;
  /** A value that changes with every change of the victim's rows. */
  readonly victimRows?: () => Promise<string>;
  /** The CPU time that the server has used so far, in milliseconds. */
  readonly cpuMs?: () => number;
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
  /** Whether a value is specific to its tenant; others occur anywhere and are useless for an attack. */
  readonly isDistinctive: (value: LootValue) => boolean;
  /** Whether the attacker can have a value only from the victim; what is found by another value is ambiguous. */
  readonly isCertain: (value: LootValue) => boolean;
}

/** Makes the request for a value: the victim's, or the one it is compared with. */
export interface Pair {
  readonly attack: AttackKind;
  readonly at: string;
  readonly loot: LootValue;
  /** Makes another value of the victim, when a value can be used only once. */
  readonly renew?: () => Promise<LootValue>;
  /** A value that does not exist; a different one for each attempt, from 1 on. */
  readonly other: (attempt: number) => string;
  readonly request: (value: string) => SentRequest;
  /** A second value that both requests send, which the server may repeat as well. */
  readonly beside?: { readonly tried: string; readonly control: string };
}

/** A request whose lines in the log are checked. */
interface Logged {
  readonly attack: AttackKind;
  readonly at: string;
  readonly request: SentRequest;
  /** The value that it sends, which the server may repeat. */
  readonly sent?: string | undefined;
}

/** How many requests are remembered for lines that come late. */
const REMEMBERED = 200;

interface Attempt {
  readonly expected: string;
  readonly difference?: readonly [BreachKind, string];
}

const LATE_MS = 100;

/** A difference must occur in every attempt, because others may change the attacker's tenant meanwhile. */
const ATTEMPTS = 3;

/** Attacks with mutations that may take effect. */
const CHANGING: readonly AttackKind[] = ['mutation', 'pair in a mutation', 'idempotency key'];

export class Campaign {
  readonly breaches: Breach[] = [];
  readonly attacks: Partial<Record<AttackKind, number>> = {};
  readonly withoutEffect: string[] = [];
  /** The reason why something was not attacked, by its name. */
  readonly notAttacked = new Map<string, string>();
  readonly notChecked: string[] = [];
  /** Where an answer differed for a value that the attacker's tenant may have for another reason. */
  readonly ambiguous = new Set<string>();
  /** Values of the victim that the attacker has written into its own tenant, where they will be found. */
  private readonly broughtIn = new Set<string>();
  private readonly searched = new Set<string>();
  private readonly counterparts = new Map<string, string>();
  /** The last requests whose log is checked, by their ids. */
  readonly #sent = new Map<string, Logged>();
  /** Whether the log contained a request of the attacker; otherwise it could not be searched. */
  logSpeaksOfAttacker = false;

  constructor(readonly parts: CampaignParts) {}

  /** A value of the same form that neither tenant has. */
  unlike(loot: LootValue, attempt = 1): string | undefined {
    const { victim, own } = this.parts;
    return unlike(loot, (value) => victim.has(value) || own.has(value), attempt);
  }

  count(attack: AttackKind): void {
    this.attacks[attack] = (this.attacks[attack] ?? 0) + 1;
  }

  /** Adds the victim's answer to the values that are searched for. */
  learn(path: Path, answer: Answer): void {
    const found = new Loot();
    noteAnswer(this.parts.schema, { path, answer }, found, true);
    for (const loot of found) {
      this.parts.victim.add(loot);
      this.lookFor(loot);
    }
  }

  /** Searches all further answers for a value, if it tells whose it is. */
  lookFor(loot: LootValue): void {
    if (this.parts.isDistinctive(loot) && this.parts.isCertain(loot)) this.parts.search.add(loot);
  }

  /** Whether an answer to this value is significant: not when the attacker has written the value itself. */
  readonly isTelling = (loot: LootValue): boolean =>
    this.parts.isDistinctive(loot) && !this.broughtIn.has(loot.value);

  /** The value that is compared with one of the victim's values; the same in every mutation. */
  counterpart(value: string, other: string): string {
    const known = this.counterparts.get(value) ?? other;
    this.counterparts.set(value, known);
    // The victim may get this value too, for example as the next version of a row.
    this.broughtIn.add(known);
    return known;
  }

  /** Records that the attacker's tenant may contain this value of the victim from now on. */
  bringIn({ value }: LootValue): void {
    for (const { loot } of this.parts.search.find(value)) this.broughtIn.add(loot.value);
  }

  /** Sends a request, and checks that its result contains nothing of the victim. */
  async send(attack: AttackKind, at: string, request: SentRequest, sent?: string): Promise<Answer> {
    const answer = await this.sendLogged({ attack, at, request }, sent);
    this.inspect({ attack, at, request, where: 'the answer' }, told(answer, sent));
    return answer;
  }

  /** Sends a request, and checks that the server's log of it contains nothing of the victim. */
  async sendLogged(request: Logged, sent?: string): Promise<Answer> {
    this.inspectLines(await this.readLog(false));
    const answer = await this.parts.wire.send(request.request);
    this.noteWrite(request.request, answer);
    const own = { ...request, sent };
    this.#sent.set(answer.requestId, own);
    if (this.#sent.size > REMEMBERED) this.#sent.delete(this.#sent.keys().next().value!);
    this.inspectLines(await this.readLog(true), own);
    return answer;
  }

  /** The rows that a mutation makes have times of this second or, when it began earlier, of the one before. */
  noteWrite({ body }: SentRequest, answer: Answer): void {
    if (!body.query?.startsWith('mutation')) return;
    const [, date = ''] = answer.headers.find(([name]) => name === 'date') ?? [];
    const at = Date.parse(date) || Date.now();
    for (const time of [at, at - 1_000]) this.parts.own.addSecond(new Date(time));
  }

  /**
   * A line is about the request whose id it has: a server may write it after the answer, and others in between.
   *
   * @param unless the request that other lines are about. Undefined: they are left out, because the attacker’s reads of its
   * own data wrote them.
   */
  private inspectLines(lines: readonly string[], unless?: Logged): void {
    const about = new Map<Logged, string[]>();
    for (const line of lines) {
      const id = /"requestId":"([^"]+)"/.exec(line)?.[1] ?? '';
      const request = this.#sent.get(id) ?? unless;
      if (request) about.set(request, [...(about.get(request) ?? []), line]);
    }
    for (const [{ sent, ...request }, own] of about) {
      this.inspect({ ...request, where: 'the log' }, without(own.join('\n'), sent));
    }
  }

  /**
   * Compares two requests that must have the same answer. The answers to values that do not exist must be the same
   * among themselves: they may differ when the attacker's own rows lie between two times.
   *
   * @returns the answer to a value that does not exist
   */
  async compare(pair: Pair): Promise<string> {
    this.count(pair.attack);
    const controls: string[] = [];
    const counts = new Set<string>();
    for (let attempt = 1; ; attempt++) {
      const loot = attempt === 1 ? pair.loot : ((await pair.renew?.()) ?? pair.loot);
      const { expected, difference } = await this.attempt({ ...pair, loot }, attempt);
      controls.push(expected);
      if (!difference) return expected;
      // If statements of others are counted too, the difference varies.
      counts.add(difference[1]);
      if (attempt < ATTEMPTS) continue;
      const [breach, evidence] = difference;
      if (breach === 'statements differ' && counts.size > 1) return expected;
      if (!this.parts.isCertain(loot)) {
        this.ambiguous.add(pair.at);
      } else if (controls.every((control) => control === expected)) {
        const { attack, at } = pair;
        this.report({ attack, breach, at, request: pair.request(loot.value), loot, evidence });
      } else if (pair.loot.kind !== 'date' && pair.loot.kind !== 'number') {
        this.note(`${pair.at}: the answers to values that nobody has differ among themselves`);
      }
      return expected;
    }
  }

  /** Reports once what could not be checked. */
  note(what: string): void {
    if (!this.notChecked.includes(what)) this.notChecked.push(what);
  }

  /** Checks that a text for the attacker contains nothing of the victim. */
  inspect(
    { attack, at, request, where }: { attack: AttackKind; at: string; request: SentRequest; where: string },
    text: string,
  ): void {
    if (this.searched.has(text)) return;
    this.searched.add(text);
    const found = this.parts.search.find(text);
    if (found.length === 0) return;
    // The attacker already knows the values that it sends.
    const known = this.parts.search.find(JSON.stringify([request.body, request.headers]));
    for (const { loot, form } of found) {
      if (this.broughtIn.has(loot.value) || !this.parts.isCertain(loot)) continue;
      if (known.some((each) => each.loot.value === loot.value)) continue;
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
    // Three are enough; a list without a filter would fill pages.
    if (this.breaches.filter(same).length >= 3) return;
    this.breaches.push({
      ...breach,
      as,
      ...(loot && { sent: `${shortened(loot.value)}, the victim’s ${loot.at}` }),
      command: asCurl(this.parts.wire.url, request),
    });
  }

  private async attempt(pair: Pair, attempt: number): Promise<Attempt> {
    const { attack, loot } = pair;
    const other = pair.other(attempt);
    const control = await this.observed(pair, other, attempt > 1);
    const tried = await this.observed(pair, loot.value, attempt > 1);
    if (attack === 'mutation' || attack === 'pair in a mutation') this.bringIn(loot);
    const what = CHANGING.includes(attack) ? toldByMutation : told;
    const expected = without(what(control.answer, other), pair.beside?.control);
    const seen = without(what(tried.answer, loot.value), pair.beside?.tried);
    if (expected !== seen)
      return { expected, difference: ['answers differ', firstDifference(seen, expected)] };
    if (control.statements === tried.statements) return { expected };
    const evidence = `${String(tried.statements)} ≠ ${String(control.statements)}`;
    return { expected, difference: ['statements differ', evidence] };
  }

  /** @param patiently waits for statements that a server sends after its answer */
  private async observed({ attack, at, request }: Pair, value: string, patiently: boolean) {
    const { statements: count } = this.parts.observer;
    let answer: Answer | undefined;
    const work = async () => {
      answer = await this.send(attack, at, request(value), value);
      if (patiently && count) await wait(LATE_MS);
    };
    if (patiently && count) await wait(LATE_MS);
    const statements = await (count ?? uncounted)(work);
    return { answer: answer!, statements };
  }

  /**
   * A line with a request id belongs to the attacker when it is the id of one of its requests. A line of JSON without
   * an id does when it was written during a request of the attacker.
   */
  private async readLog(underWay: boolean): Promise<string[]> {
    const { observer, attackers } = this.parts;
    const ids = attackers.map(requestIdsOf);
    const lines = ((await observer.log?.()) ?? '').split('\n');
    const own = lines.filter((line) => ids.some((id) => line.includes(id)));
    this.logSpeaksOfAttacker ||= own.length > 0;
    const nobodys = lines.filter((line) => line.startsWith('{') && !line.includes('"requestId":"'));
    return [...own, ...(underWay ? nobodys : [])];
  }
}

async function uncounted(work: () => Promise<void>): Promise<undefined> {
  await work();
}

const shortened = (value: string) => (value.length > 80 ? `${value.slice(0, 80)}…` : value);
