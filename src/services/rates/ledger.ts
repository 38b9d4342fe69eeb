/** What a store of used budgets can do: local-ledger.ts keeps them in memory, shared-ledger.ts in Redis. */

/** At most this many requests in a window, which begins with the first request. */
export interface Window {
  readonly most: number;
  readonly seconds: number;
}

/** The state of a window, with the request just counted. */
export interface Count {
  /** More than the window's most: the request is refused. */
  readonly used: number;
  readonly endsInMs: number;
}

/** Points that are used up and come back continuously, up to the size. */
export interface Bucket {
  readonly size: number;
  /** Points per second. */
  readonly restoreRate: number;
}

/** The state of a bucket after points were taken, or were not there. */
export interface Taken {
  readonly granted: boolean;
  /** Below 0 after a request for more than the bucket's size was granted. */
  readonly available: number;
}

/** Answers without a promise when it need not wait, which saves time. It never rejects, and never waits for long. */
export interface Ledger {
  /** Counts a request, whether it exceeds the window or not. */
  count(key: string, window: Window): Count | Promise<Count>;
  /** Undoes one {@link count}. */
  uncount(key: string, window: Window): void;
  /** Takes the points if they are there. Whoever asks for more than the size needs a full bucket. */
  take(key: string, bucket: Bucket, points: number): Taken | Promise<Taken>;
  /** Gives points back. A full bucket stays as it is. */
  give(key: string, bucket: Bucket, points: number): void;
}
