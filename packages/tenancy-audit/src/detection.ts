/** What the detection has found, and why. */

/** A sentence about a detected value, for the user. */
export interface Detection {
  readonly what: string;
  readonly value: string;
  readonly why: string;
}

export interface Found<Value> {
  readonly value: Value;
  readonly why: string;
}
