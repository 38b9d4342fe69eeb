/** One kind of problem. The name and the reason are labels of metrics and must not come from a request. */
export interface ProblemKind {
  /** `auth`, `database`, `signing_keys`. */
  readonly name: string;
  readonly reason: string;
  /** For the log: what happened, and what an operator should check. */
  readonly sentence: string;
}
