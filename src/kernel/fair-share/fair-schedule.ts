/**
 * Gives a limited number of slots to the work of many tenants: start-time fair queueing with weights (Goyal, Vin and
 * Cheng, 1996). Each tenant has a virtual time: the cost of its work divided by its weight. A free slot goes to the
 * waiting tenant with the lowest one.
 *
 * - Two tenants that both have work waiting get slots in proportion to their weights; the difference is at most one piece
 *   of work of each, per slot.
 * - A slot is never free while work waits that may take it.
 * - No tenant has more slots than its limit, and background work has no more than its own.
 * - Interactive work goes first. While it keeps background work waiting, every tenth slot goes to background work.
 * - Work that waits starts before any other tenant has got more than its share in the meantime: nothing starves.
 * - A tenant without work is forgotten as soon as the others have caught up with it.
 *
 * The cost is known only at the end of the work. At its start the tenant is charged what work of its class usually costs, and
 * at the end the difference. With a tolerance, a tenant that owes less than that is not charged the difference: otherwise a
 * piece of work that happened to last longer would make the next one wait until all other tenants have had as much, and
 * with a hundred tenants that do the same, a few would always be the last. Two tenants that wait may then differ by the
 * tolerance of each in addition, and by {@link FORGIVEN} of it for each piece of work. Tenants whose virtual times differ by
 * less than {@link ROUND} of the tolerance are served in the order in which they began to wait. Nothing here knows the time,
 * waits or throws.
 */
import {
  isAhead,
  isIdle,
  lift,
  newClass,
  newLane,
  type Claim,
  type Class,
  type Flow,
  type Lane,
  type Priority,
  type Ticket,
  type Waiting,
} from './lanes.js';

export interface ScheduleOptions {
  readonly slots: number;
  /** The most slots of background work. By default half of them, at least one. */
  readonly backgroundSlots?: number | undefined;
  /** The most cost that a tenant with the weight 1 may owe before it is charged. Default: none. */
  readonly tolerance?: number | undefined;
}

/** While both classes wait, so many slots in a row go to interactive work. */
const INTERACTIVE_RUN = 9;
/** The part of the tolerance by which virtual times are the same turn. */
const ROUND = 1 / 40;
/** The usual cost is the average of about so many pieces of work: it must hardly change from one to the next. */
const USUAL_OF = 1_000;
/** The part of what a tenant owes that is forgiven with each piece of work. */
const FORGIVEN = 1 / 50;
/** The most tenants without work whose virtual time is remembered. */
const REMEMBERED = 10_000;

export class FairSchedule {
  readonly #slots: number;
  readonly #tolerance: number;
  readonly #classes: Readonly<Record<Priority, Class>>;
  readonly #flows = new Map<string, Flow>();
  #running = 0;
  #waiting = 0;
  #order = 0;
  #interactiveRun = 0;
  #sweepAt = 64;

  constructor({
    slots,
    backgroundSlots = Math.max(1, Math.floor(slots / 2)),
    tolerance = 0,
  }: ScheduleOptions) {
    this.#slots = slots;
    this.#tolerance = tolerance;
    this.#classes = { interactive: newClass(slots), background: newClass(backgroundSlots) };
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** The number of tenants in memory. */
  get tenants(): number {
    return this.#flows.size;
  }

  /** The number of waiting pieces of work of a tenant. */
  waitingOf(tenant: string): number {
    const { interactive, background } = this.#flows.get(tenant)?.lanes ?? {};
    return (interactive?.waiting.size ?? 0) + (background?.waiting.size ?? 0);
  }

  /** Takes a slot if one may be taken now. {@link end} must follow. */
  start(claim: Claim): Ticket | undefined {
    const { running, most } = this.#classes[claim.priority];
    if (this.#running >= this.#slots || running >= most) return undefined;
    const flow = this.#flowOf(claim);
    const lane = this.#laneOf(flow, claim.priority);
    // Whatever waits in other lanes may take no slot now, or it would have one.
    if (flow.running >= flow.most || lane.waiting.size > 0) return undefined;
    lift(lane, lane.of.latest);
    return this.#begin(lane);
  }

  /** Waits for a slot. {@link startNext} must be called afterwards. */
  wait(claim: Claim, start: (ticket: Ticket) => void): Waiting {
    const flow = this.#flowOf(claim);
    const lane = this.#laneOf(flow, claim.priority);
    if (lane.waiting.size === 0) lift(lane, lane.of.latest);
    const waiting: Waiting = { lane, start };
    lane.waiting.add(waiting);
    this.#waiting++;
    this.#arrange(flow);
    return waiting;
  }

  /** Gives up waiting. */
  leave(waiting: Waiting): void {
    const { waiting: queue, flow } = waiting.lane;
    if (!queue.delete(waiting)) return;
    this.#waiting--;
    this.#arrange(flow);
    this.#forget(flow);
  }

  /** Gives a slot back, and charges what the work has cost. {@link startNext} must be called afterwards. */
  end({ lane, weight, charged, lifts }: Ticket, cost: number): void {
    const { flow, of } = lane;
    const difference = cost / weight - charged;
    if (difference > 0 || lifts === lane.lifts) this.#charge(lane, weight, difference);
    of.done++;
    of.usual += (cost - of.usual) / Math.min(USUAL_OF, of.done);
    flow.running--;
    of.running--;
    this.#running--;
    this.#arrange(flow);
    this.#forget(flow);
  }

  /** Starts the work that may take free slots now. */
  startNext(): void {
    while (this.#running < this.#slots) {
      const lane = this.#next();
      const [waiting] = lane?.waiting ?? [];
      if (!lane || !waiting) return;
      lane.waiting.delete(waiting);
      this.#waiting--;
      waiting.start(this.#begin(lane));
    }
  }

  /** Charges what the tenant owes beyond the tolerance, and credits what it was charged too much beyond it. */
  #charge(lane: Lane, weight: number, difference: number): void {
    const most = this.#tolerance / weight;
    const owed = lane.owed * (1 - FORGIVEN) + difference;
    lane.owed = Math.min(most, Math.max(-most, owed));
    lane.time += owed - lane.owed;
  }

  #next(): Lane | undefined {
    const { interactive, background } = this.#classes;
    const first = interactive.ready.first;
    const other = background.running < background.most ? background.ready.first : undefined;
    if (first && (!other || this.#interactiveRun < INTERACTIVE_RUN)) {
      this.#interactiveRun = other ? this.#interactiveRun + 1 : 0;
      return first;
    }
    this.#interactiveRun = 0;
    return other;
  }

  #begin(lane: Lane): Ticket {
    const { flow, of } = lane;
    // Those at their limit may have used less of this turn, and go on when they may.
    of.time = Math.max(of.time, this.#turnOf(lane));
    of.latest = Math.max(of.latest, lane.time);
    const charged = of.usual / flow.weight;
    lane.time += charged;
    // Whoever waits for the same turn is first.
    lane.order = this.#order++;
    flow.running++;
    of.running++;
    this.#running++;
    this.#arrange(flow);
    return { lane, weight: flow.weight, charged, lifts: lane.lifts };
  }

  /** Puts the lanes of a tenant in the place that they have now. */
  #arrange(flow: Flow): void {
    const mayRun = flow.running < flow.most;
    for (const lane of [flow.lanes.interactive, flow.lanes.background]) {
      if (!lane) continue;
      const { ready } = lane.of;
      const isReady = mayRun && lane.waiting.size > 0;
      if (!isReady) {
        if (lane.place >= 0) ready.delete(lane);
      } else if (lane.place >= 0) {
        lane.turn = this.#turnOf(lane);
        ready.reorder(lane);
      } else {
        lift(lane, lane.of.time);
        lane.turn = this.#turnOf(lane);
        lane.order = this.#order++;
        ready.add(lane);
      }
    }
  }

  /** The virtual time at which the turn of the lane begins. */
  #turnOf({ time }: Lane): number {
    const round = this.#tolerance * ROUND;
    return round > 0 ? Math.floor(time / round) * round : time;
  }

  #flowOf({ tenant, weight, most }: Claim): Flow {
    let flow = this.#flows.get(tenant);
    if (!flow) {
      if (this.#flows.size >= this.#sweepAt) this.#sweep();
      flow = { tenant, weight, most, running: 0, lanes: {} };
      this.#flows.set(tenant, flow);
    } else if (flow.most !== most) {
      flow.most = most;
      this.#arrange(flow);
    }
    flow.weight = weight;
    return flow;
  }

  #laneOf(flow: Flow, priority: Priority): Lane {
    return (flow.lanes[priority] ??= newLane(flow, this.#classes[priority]));
  }

  /** Forgets a tenant without work that is not ahead of the others; at the end of all work, every tenant. */
  #forget(flow: Flow): void {
    if (this.#running === 0 && this.#waiting === 0) {
      this.#flows.clear();
      for (const each of Object.values(this.#classes)) each.time = each.latest = 0;
    } else if (isIdle(flow) && !isAhead(flow)) this.#flows.delete(flow.tenant);
  }

  /** Forgets the tenants that the others have caught up with since. Rare enough to cost little for each piece of work. */
  #sweep(): void {
    const idle = [...this.#flows.values()].filter(isIdle);
    const ahead = idle.filter(isAhead);
    const kept = ahead.length > REMEMBERED ? [] : ahead;
    for (const { tenant } of idle) this.#flows.delete(tenant);
    for (const flow of kept) this.#flows.set(flow.tenant, flow);
    this.#sweepAt = Math.max(64, 2 * this.#flows.size);
  }
}
