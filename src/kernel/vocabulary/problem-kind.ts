/** One kind of problem. The name and the reason are labels of metrics: none of them comes from a request. */
export interface ProblemKind {
  /** `auth`, `database`, `signing_keys`. */
  readonly name: string;
  readonly reason: string;
  /** For the log: what happens, and where an operator should look. */
  readonly sentence: string;
}
