/**
 * Which operations a streaming replica may answer, and that callers see their own writes there. A query goes to the replica
 * when all of its root fields are declared safe by their modules. After a mutation its actor reads what is at least as new,
 * on this server without doing anything, and on every server by sending the header of the answer back.
 */
import { Kind, OperationTypeNode, type DocumentNode, type OperationDefinitionNode } from 'graphql';
import type { RequestContext } from '../kernel/graphql/request-context.js';
import { parsePosition, positionText } from '../kernel/replica/log-positions.js';
import { Freshness } from '../kernel/request/freshness.js';
import { fragmentsOf, walkSelections } from '../kernel/request/selections.js';
import type { Database } from '../kernel/tenancy/database.js';
import { actorKey, type Actor } from '../kernel/vocabulary/actor.js';
import type { SealedSecrets } from '../services/secrets/sealed-secrets.js';

/** The header of answers and requests. */
export const READ_AFTER = 'read-after';

/** Far more than a sealed position has. */
const LONGEST_TOKEN = 200;

/** A position says how much the whole database writes, which is no business of a tenant: it is sealed. */
const PLACE = { tenantId: '', purpose: READ_AFTER, id: '' };

/** An operation, as doors run it. */
interface Operation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode | undefined;
  readonly context: RequestContext;
  readonly onWritten: (readAfter: string) => void;
}

export class OwnWrites {
  readonly #replica: Database['replica'];
  readonly #secrets: SealedSecrets | undefined;
  readonly #mayLag: ReadonlySet<string>;
  readonly #known = new WeakMap<OperationDefinitionNode, boolean>();

  /**
   * @param replica undefined: everything here does nothing
   * @param secrets seals what clients give back; undefined: they are given nothing
   * @param mayLag the root fields that are declared safe: `Query.conversations`
   */
  constructor(replica: Database['replica'], secrets: SealedSecrets | undefined, mayLag: ReadonlySet<string>) {
    this.#replica = replica;
    this.#secrets = secrets;
    this.#mayLag = mayLag;
  }

  /**
   * What the reads of a request may be like, before its operation is known.
   *
   * @param readAfter the header of the request
   * @returns undefined when everything has to be read from the primary, also because the header is not understood
   */
  freshnessOf(actor: Actor, readAfter?: string | string[]): Freshness | undefined {
    if (!this.#replica) return undefined;
    if (readAfter === undefined) return new Freshness(actor);
    if (typeof readAfter !== 'string' || readAfter.length > LONGEST_TOKEN) return undefined;
    try {
      const position = this.#secrets?.open(readAfter, PLACE);
      return position === undefined ? undefined : new Freshness(actor, parsePosition(position));
    } catch {
      return undefined;
    }
  }

  /** Runs an operation: a query with the reads that it may have, and a mutation so that its actor sees what it has done. */
  async around<Result>(operation: Operation, run: () => Promise<Result>): Promise<Result> {
    const { context, operation: node } = operation;
    if (!this.#replica || !node) return run();
    if (node.operation !== OperationTypeNode.MUTATION) {
      if (this.#isDeclared(operation.document, node)) context.db.context.freshness?.allowLag();
      return run();
    }
    try {
      return await run();
    } finally {
      await this.#written(operation);
    }
  }

  async #written({ context, onWritten }: Operation): Promise<void> {
    const actor: Actor =
      context.isGuest && context.user ? { type: 'user', id: context.user.userId } : context.viewer.actor;
    this.#replica?.wrote(actorKey(actor));
    if (!this.#secrets) return;
    // When the primary does not say it, the actor still sees its writes on this server.
    const position = await this.#replica?.position().catch(() => undefined);
    if (position !== undefined) onWritten(this.#secrets.seal(positionText(position), PLACE));
  }

  #isDeclared(document: DocumentNode, operation: OperationDefinitionNode): boolean {
    const known = this.#known.get(operation);
    if (known !== undefined) return known;
    let isDeclared = true as boolean;
    walkSelections(operation.selectionSet, true, {
      fragments: fragmentsOf(document),
      visit: (node) => {
        if (node.kind === Kind.FIELD) {
          const name = node.name.value;
          isDeclared &&= name === '__typename' || this.#mayLag.has(`Query.${name}`);
        }
        return isDeclared;
      },
      within: () => true,
    });
    this.#known.set(operation, isDeclared);
    return isDeclared;
  }
}
