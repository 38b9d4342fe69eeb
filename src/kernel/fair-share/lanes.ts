/** What the schedule keeps of each tenant and of each class of work. */
import { Heap, type HeapItem } from './heap.js';

export type Priority = 'interactive' | 'background';

/** Whose work asks for a slot, and what it may have. The last claim of a tenant decides its weight and its limit. */
export interface Claim {
  readonly tenant: string;
  /** The share in proportion to the weights of others. More than 0. */
  readonly weight: number;
  /** The most slots of this tenant. At least 1. */
  readonly most: number;
  readonly priority: Priority;
}

/** A taken slot. */
export interface Ticket {
  readonly lane: Lane;
  readonly weight: number;
  /** The charge at the start, as virtual time. */
  readonly charged: number;
  /** See {@link Lane.lifts}. */
  readonly lifts: number;
}

/** Work that waits for a slot. */
export interface Waiting {
  readonly lane: Lane;
  /** Called with the slot, by `startNext`. */
  readonly start: (ticket: Ticket) => void;
}

/** A tenant with work, or whose virtual time is ahead of the others. */
export interface Flow {
  readonly tenant: string;
  weight: number;
  most: number;
  running: number;
  readonly lanes: Partial<Record<Priority, Lane>>;
}

/** The work of one tenant in one class. */
export interface Lane extends HeapItem {
  readonly flow: Flow;
  readonly of: Class;
  /** The virtual time. */
  time: number;
  /** The virtual time that decides who is first: see `ROUND`. */
  turn: number;
  /** What earlier work has cost and was not charged, as virtual time; less than 0 when too much was charged. */
  owed: number;
  /**
   * How often the virtual time was raised to that of the class. What was charged before is covered by the raise, so it
   * is not given back afterwards: otherwise a tenant could save up credit.
   */
  lifts: number;
  /** When it began to wait, or was served last: for lanes with the same turn. */
  order: number;
  /** In order of arrival. */
  readonly waiting: Set<Waiting>;
}

/** Interactive or background work. */
export interface Class {
  readonly most: number;
  running: number;
  /** The virtual time at which the turn began that was served last; it never decreases while there is work. */
  time: number;
  /** The latest virtual time of a lane that was served; without turns the same. */
  latest: number;
  /** The average cost of its work, and of how many pieces. */
  usual: number;
  done: number;
  /** The lanes that wait and have not reached the tenant's limit. */
  readonly ready: Heap<Lane>;
}

/** A class of work with so many slots at most. */
export const newClass = (most: number): Class => ({
  most,
  running: 0,
  time: 0,
  latest: 0,
  usual: 0,
  done: 0,
  ready: new Heap<Lane>((one, other) =>
    one.turn === other.turn ? one.order < other.order : one.turn < other.turn,
  ),
});

/** The lane of a tenant that has had no work of this class lately. */
export const newLane = (flow: Flow, of: Class): Lane => ({
  flow,
  of,
  place: -1,
  time: 0,
  turn: 0,
  owed: 0,
  lifts: 0,
  order: 0,
  waiting: new Set(),
});

/** What a tenant did not use until this virtual time, while it had no work or had reached its limit, is lost. */
export function lift(lane: Lane, to: number): void {
  const unused = to - lane.time;
  if (unused <= 0) return;
  lane.owed = Math.max(0, lane.owed - unused);
  lane.time = to;
  lane.lifts++;
}

const lanesOf = ({ lanes: { interactive, background } }: Flow): Lane[] =>
  [interactive, background].filter((lane) => lane !== undefined);

/** Whether a tenant has no work. */
export const isIdle = (flow: Flow): boolean =>
  flow.running === 0 && lanesOf(flow).every(({ waiting }) => waiting.size === 0);

/** Whether a tenant has had more than the others that are served now. */
export const isAhead = (flow: Flow): boolean =>
  lanesOf(flow).some((lane) => lane.time + lane.owed > lane.of.time);
