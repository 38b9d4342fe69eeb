/** Runs a schedule of fair shares on a simulated clock, and records who got what when. */
import { FairSchedule, type ScheduleOptions } from '../../src/kernel/fair-share/fair-schedule.js';
import type { Claim, Priority, Ticket } from '../../src/kernel/fair-share/lanes.js';

export interface Piece {
  readonly tenant: string;
  /** When it arrives. */
  readonly at: number;
  readonly cost: number;
  readonly priority?: Priority;
}

export interface SimulatedTenant {
  readonly weight: number;
  readonly most: number;
}

/** The state after an event. */
export interface Moment {
  readonly time: number;
  /** By tenant: the time that its work has held slots so far. */
  readonly served: ReadonlyMap<string, number>;
  readonly running: ReadonlyMap<string, number>;
  readonly waiting: ReadonlyMap<string, number>;
  readonly background: number;
}

export interface Start {
  readonly piece: Piece;
  readonly time: number;
}

interface Course {
  readonly moments: readonly Moment[];
  readonly starts: readonly Start[];
  readonly schedule: FairSchedule;
}

interface Running {
  readonly piece: Piece;
  readonly ticket: Ticket;
  readonly endsAt: number;
}

/** Runs all pieces to their end. */
export function simulate(
  options: ScheduleOptions,
  tenants: Readonly<Record<string, SimulatedTenant>>,
  pieces: readonly Piece[],
): Course {
  const schedule = new FairSchedule(options);
  const arriving = pieces.toSorted((one, other) => one.at - other.at);
  const names = Object.keys(tenants);
  const served = new Map(names.map((name) => [name, 0]));
  const waiting = new Map(names.map((name) => [name, 0]));
  const moments: Moment[] = [];
  const starts: Start[] = [];
  let running: Running[] = [];
  let time = 0;

  const begin = (piece: Piece, ticket: Ticket) => {
    running.push({ piece, ticket, endsAt: time + piece.cost });
    starts.push({ piece, time });
  };
  const count = (counted: readonly Running[]) => {
    const counts = new Map<string, number>();
    for (const { piece } of counted) counts.set(piece.tenant, (counts.get(piece.tenant) ?? 0) + 1);
    return counts;
  };
  const arrive = (piece: Piece) => {
    const { tenant, priority = 'interactive' } = piece;
    const claim: Claim = { tenant, ...tenants[tenant]!, priority };
    const ticket = schedule.start(claim);
    if (ticket) {
      begin(piece, ticket);
      return;
    }
    waiting.set(tenant, waiting.get(tenant)! + 1);
    schedule.wait(claim, (given) => {
      waiting.set(tenant, waiting.get(tenant)! - 1);
      begin(piece, given);
    });
    schedule.startNext();
  };
  while (arriving.length > 0 || running.length > 0) {
    const ending = running.reduce<Running | undefined>(
      (first, each) => (first && first.endsAt <= each.endsAt ? first : each),
      undefined,
    );
    const isArrival = arriving.length > 0 && arriving[0]!.at < (ending?.endsAt ?? Infinity);
    const next = isArrival ? arriving[0]!.at : ending!.endsAt;
    for (const { piece } of running) served.set(piece.tenant, served.get(piece.tenant)! + next - time);
    time = next;
    if (isArrival) arrive(arriving.shift()!);
    else {
      running = running.filter((each) => each !== ending);
      schedule.end(ending!.ticket, ending!.piece.cost);
      schedule.startNext();
    }
    moments.push({
      time,
      served: new Map(served),
      running: count(running),
      waiting: new Map(waiting),
      background: running.filter(({ piece }) => piece.priority === 'background').length,
    });
  }
  return { moments, starts, schedule };
}
