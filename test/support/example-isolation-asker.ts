/** Asks as the users of two tenants, and looks for anything of the other tenant in what comes back. It goes with src/example. */
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

/** A GraphQL document with its variables: all that a request says. */
export interface Request {
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

const NOWHERE = '01890000-0000-7000-8000-00000000000';
export const nobody = (at: number) => `${NOWHERE}${at}`;
/** As unknown as the first, to compare an answer with. */
export const nobodyElse = '01890000-0000-7000-8000-0000000000ff';

/** The two tenants of a run. */
export interface World {
  readonly server: TestServer;
  readonly statements: Statements;
  readonly clients: ReadonlyMap<string, TestClient>;
  /** What gives a tenant away: its canary, its id, its users, and the id of each of its rows. */
  readonly marks: Readonly<Record<Slug, Set<string>>>;
}

/** Asks in a run, and knows what each tenant should be answered. */
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

  /** Asks, and looks for anything of the other tenant in whatever comes back. */
  protected async ask<Data>(slug: Slug, role: Role, { document, variables }: Request): Promise<Answer<Data>> {
    const answer = await this.world.clients.get(userId(slug, role))!.query<Data>(document, { ...variables });
    const received = `${answer.text}\n${[...answer.headers].join('\n')}`;
    for (const mark of this.world.marks[other(slug)]) {
      if (received.includes(mark))
        throw new Error(`${slug} was given ${mark} of ${other(slug)}: ${received}`);
    }
    return answer;
  }

  /** Asks; and if there is a twin, a request about a row of nobody, its answer and its statements are the same. */
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

  /** A cursor that somebody was given for a list in this order. */
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

/** All that a client sees of an answer, but for the id and the time of the request. */
function visible({ status, text: body, headers }: Answer<unknown>): unknown {
  const names = [...headers.keys()].filter((name) => name !== 'x-request-id' && name !== 'date');
  return { status, body, headers: names.map((name) => [name, headers.get(name)]) };
}

/**
 * Whether the caller is known already, and is not asked for, depends on when they last asked for anything. Not who asks, and not what the first write of a model in a process asks about its columns.
 */
const asksForRows = (statement: string) =>
  !statement.includes('tenantry.resolve_access') && !statement.endsWith(' LIMIT 0');
