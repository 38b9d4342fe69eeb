/**
 * Sends requests as the users of two tenants, and searches every answer for data of the other tenant. It goes with
 * src/example.
 */
import { expect } from 'vitest';
import { ROLES, type Pick, type Role, type Slug } from './example-isolation-commands.js';
import {
  TenantModel,
  type ConversationState,
  type OrderField,
  type Place,
} from './example-isolation-model.js';
import type { Answer, TestClient, TestServer } from './server.js';
import type { Statements } from './statements.js';

export const other = (slug: Slug): Slug => (slug === 'acme' ? 'globex' : 'acme');
export const canary = (slug: Slug) => `canary-of-${slug}`;
export const userId = (slug: Slug, role: Role) => `demo|${slug}|${role}`;

/** A GraphQL document with its variables. */
export interface Request {
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

const NOWHERE = 'conversation_01890000-0000-7000-8000-00000000000';
export const nobody = (at: number) => `${NOWHERE}${at}`;
/** As unknown as the first, to compare an answer with. */
export const nobodyElse = 'conversation_01890000-0000-7000-8000-0000000000ff';

/** The two tenants of a run. */
export interface World {
  readonly server: TestServer;
  readonly statements: Statements;
  readonly clients: ReadonlyMap<string, TestClient>;
  /** What gives a tenant away: its canary, its id, its users, and the UUID of each of its rows. */
  readonly marks: Readonly<Record<Slug, Set<string>>>;
}

/** Sends the requests of a run, and knows what each tenant must be answered. */
export class Asker {
  protected readonly models: Readonly<Record<Slug, TenantModel>>;
  protected readonly places: Readonly<Record<Slug, Place[]>> = { acme: [], globex: [] };
  #serial = 0;

  protected constructor(
    protected readonly world: World,
    earlier: Readonly<Record<Slug, number>>,
  ) {
    this.models = { acme: new TenantModel(earlier.acme), globex: new TenantModel(earlier.globex) };
  }

  /** Sends a request and fails when the answer contains data of the other tenant. */
  protected async ask<Data>(slug: Slug, role: Role, { document, variables }: Request): Promise<Answer<Data>> {
    const answer = await this.world.clients.get(userId(slug, role))!.query<Data>(document, { ...variables });
    const received = `${answer.text}\n${[...answer.headers].join('\n')}`;
    for (const mark of this.world.marks[other(slug)]) {
      if (received.includes(mark))
        throw new Error(`${slug} was given ${mark} of ${other(slug)}: ${received}`);
    }
    return answer;
  }

  /**
   * Sends a request. When `twin` is given, the same request for a row that does not exist, both must have equal answers
   * and statements.
   */
  protected async askAbout<Data>(
    slug: Slug,
    role: Role,
    twin: Request | undefined,
    request: Request,
  ): Promise<Answer<Data>> {
    let answer: Answer<Data> | undefined;
    const sent = await this.world.statements.during(async () => {
      answer = await this.ask<Data>(slug, role, request);
    });
    if (twin) {
      let twinAnswer: Answer | undefined;
      const sentForTwin = await this.world.statements.during(async () => {
        twinAnswer = await this.ask(slug, role, twin);
      });
      expect(visible(twinAnswer!)).toEqual(visible(answer!));
      expect(sentForTwin.filter(asksForRows)).toEqual(sent.filter(asksForRows));
    }
    return answer!;
  }

  protected text(slug: Slug, words: number): string {
    return `text ${words} of ${canary(slug)} number ${this.#serial++}`;
  }

  protected conversation(slug: Slug, { from, at }: Pick): { id: string; row: ConversationState | undefined } {
    const owner = from === 'other' ? other(slug) : slug;
    const rows = from === 'nowhere' ? [] : [...this.models[owner].conversations.values()];
    const row = rows[at % Math.max(rows.length, 1)];
    return { id: row?.id ?? nobody(at), row: owner === slug ? row : undefined };
  }

  protected user(slug: Slug, { from, at }: Pick): string {
    const role = ROLES[at % ROLES.length] ?? 'owner';
    return from === 'nowhere' ? 'nobody' : userId(from === 'own' ? slug : other(slug), role);
  }

  /** A cursor that one of the tenants received earlier for a list in this order. */
  protected place(slug: Slug, wanted: Pick | undefined, field: OrderField): Place | undefined {
    if (!wanted) return undefined;
    const known = this.places[wanted.from === 'other' ? other(slug) : slug].filter(
      (each) => each.field === field,
    );
    return known[wanted.at % Math.max(known.length, 1)];
  }

  protected time(slug: Slug, wanted: Pick | undefined): string | undefined {
    if (!wanted || wanted.from === 'nowhere') return undefined;
    const rows = [...this.models[wanted.from === 'other' ? other(slug) : slug].conversations.values()];
    return rows[wanted.at % Math.max(rows.length, 1)]?.createdAt;
  }
}

/** Headers that differ in every answer. */
const OF_THE_REQUEST: ReadonlySet<string> = new Set(['x-request-id', 'date', 'ratelimit']);

/** The parts of an answer that a client sees, without those that differ in every answer. */
function visible({ status, text: body, headers }: Answer<unknown>): unknown {
  const names = [...headers.keys()].filter((name) => !OF_THE_REQUEST.has(name));
  return { status, body, headers: names.map((name) => [name, headers.get(name)]) };
}

/**
 * Whether to compare a statement. Two kinds depend on earlier requests and are left out: the look-up of the caller,
 * which is cached, and the look-up of a model's columns at its first write in a process.
 */
const asksForRows = (statement: string) =>
  !statement.includes('tenantry.resolve_access') && !statement.endsWith(' LIMIT 0');
