/**
 * Counts which parts of the schema the clients of each tenant use. A request adds one to the count of its operation; the
 * coordinates of an operation are found once, and multiplied when counts are written.
 *
 * Memory is bounded: {@link MOST_COUNTED} counts of coordinates between two writes, a tenth of them for one tenant. Further
 * operations of clients are not counted until then. The database keeps at most 20 clients of a tenant a day, for 90 days.
 */
import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { addUseOfVariables, useOf, type OperationUse } from './coordinates.js';

/** The most counts of coordinates that are kept between two writes: some megabytes. */
export const MOST_COUNTED = 500_000;
/** The most of one tenant. */
export const MOST_OF_TENANT = MOST_COUNTED / 10;
/** What a variable with input fields or enum values counts as, whatever its value is. */
const COUNTS_OF_VARIABLE = 20;
/** The most characters of the name of an operation. */
const LONGEST_NAME = 100;
const DAY_MS = 86_400_000;

/** Who uses the schema. */
export interface ClientOfTenant {
  readonly tenantId: string;
  /** What the client calls itself, see {@link clientName}. */
  readonly client: string;
  /** The id of the API key; empty for a user. */
  readonly apiKey: string;
}

/** An operation that is executed. */
export interface UsedOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** A row of `tenantry.add_field_usage`. */
export type FieldUsageRow = readonly [
  tenantId: string,
  day: string,
  coordinate: string,
  client: string,
  apiKey: string,
  requests: number,
  operation: string,
];

interface Counted {
  readonly by: ClientOfTenant;
  readonly day: string;
  readonly use: OperationUse;
  readonly name: string;
  requests: number;
  /** What variables have used, by coordinate. */
  readonly ofVariables: Map<string, number>;
}

const WELL_FORMED = /^[\x20-\x7e]{1,64}$/;

/** The value of the header `apollographql-client-name`; empty when there is none, or none that can be shown. */
export const clientName = (given: unknown): string =>
  typeof given === 'string' && WELL_FORMED.test(given.trim()) ? given.trim() : '';

export class FieldUsage {
  readonly #schema: GraphQLSchema;
  readonly #uses = new WeakMap<OperationDefinitionNode, OperationUse>();
  /** By client and day, then by operation. */
  readonly #counted = new Map<string, Map<OperationUse, Counted>>();
  /** The counts that are kept, by tenant. */
  readonly #sizes = new Map<string, number>();
  #size = 0;
  /** In days since 1970. */
  #day = -1;
  #dayText = '';
  /** The coordinates of the schema that were used: all operations share their text. */
  readonly #coordinates = new Map<string, string>();

  constructor(schema: GraphQLSchema) {
    this.#schema = schema;
  }

  /** Counts one execution of a valid operation. */
  count(by: ClientOfTenant, { document, operation, variables }: UsedOperation): void {
    let use = this.#uses.get(operation);
    if (!use) this.#uses.set(operation, (use = this.#useOf(document, operation)));
    const day = this.#today();
    const key = `${by.tenantId} ${day} ${by.apiKey} ${by.client}`;
    let ofClient = this.#counted.get(key);
    let counted = ofClient?.get(use);
    if (!counted) {
      if (!this.#grow(by.tenantId, sizeOf(use))) return;
      if (!ofClient) this.#counted.set(key, (ofClient = new Map<OperationUse, Counted>()));
      const name = (operation.name?.value ?? '').slice(0, LONGEST_NAME);
      counted = { by, day, use, name, requests: 0, ofVariables: new Map() };
      ofClient.set(use, counted);
    }
    counted.requests++;
    if (use.variables.length === 0) return;
    const { ofVariables } = counted;
    addUseOfVariables(use, variables, (coordinate) =>
      ofVariables.set(coordinate, (ofVariables.get(coordinate) ?? 0) + 1),
    );
  }

  #today(): string {
    const day = Math.floor(Date.now() / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#dayText = new Date(day * DAY_MS).toISOString();
    }
    return this.#dayText;
  }

  #useOf(document: DocumentNode, operation: OperationDefinitionNode): OperationUse {
    const { coordinates, variables } = useOf(this.#schema, document, operation);
    const shared = coordinates.map((coordinate) => {
      const known = this.#coordinates.get(coordinate);
      if (known === undefined) this.#coordinates.set(coordinate, coordinate);
      return known ?? coordinate;
    });
    return { coordinates: shared, variables };
  }

  /** @returns false when there is no place for it */
  #grow(tenantId: string, by: number): boolean {
    const own = this.#sizes.get(tenantId) ?? 0;
    if (this.#size + by > MOST_COUNTED || own + by > MOST_OF_TENANT) return false;
    this.#size += by;
    this.#sizes.set(tenantId, own + by);
    return true;
  }

  #shrink(tenantId: string, by: number): void {
    this.#size -= by;
    const own = (this.#sizes.get(tenantId) ?? 0) - by;
    if (own > 0) this.#sizes.set(tenantId, own);
    else this.#sizes.delete(tenantId);
  }

  /** Removes the counts of clients of these tenants, at least `most` rows if there are as many, and returns them. */
  take(most: number, isWanted: (tenantId: string) => boolean = () => true): FieldUsageRow[] {
    const rows: FieldUsageRow[] = [];
    for (const [key, ofClient] of this.#counted) {
      if (rows.length >= most) break;
      if (!isWanted(key.slice(0, key.indexOf(' ')))) continue;
      this.#counted.delete(key);
      const counted = [...ofClient.values()];
      for (const { by, use } of counted) this.#shrink(by.tenantId, sizeOf(use));
      for (const row of rowsOf(counted)) rows.push(row);
    }
    return rows;
  }
}

/** The counts of an operation: of itself, of what its document says, and of what its variables may say. */
const sizeOf = ({ coordinates, variables }: OperationUse): number =>
  1 + coordinates.length + variables.length * COUNTS_OF_VARIABLE;

/** The rows of one client and day. */
function rowsOf(counted: readonly Counted[]): FieldUsageRow[] {
  const [{ by, day }] = counted as [Counted];
  const sums = new Map<string, { requests: number; name: string }>();
  const add = (coordinate: string, requests: number, name: string): void => {
    const sum = sums.get(coordinate);
    if (sum) sum.requests += requests;
    else sums.set(coordinate, { requests, name });
  };
  for (const { use, requests, name, ofVariables } of counted) {
    // The client itself.
    add('', requests, name);
    for (const coordinate of use.coordinates) add(coordinate, requests, name);
    for (const [coordinate, times] of ofVariables) {
      // The document may name it, too.
      if (!use.coordinates.includes(coordinate)) add(coordinate, times, name);
    }
  }
  return [...sums].map(([coordinate, { requests, name }]) => [
    by.tenantId,
    day,
    coordinate,
    by.client,
    by.apiKey,
    requests,
    name,
  ]);
}
