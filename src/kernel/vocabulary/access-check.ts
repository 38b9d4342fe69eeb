/** Confirms the access of a request that waits, when access may have changed meanwhile. */
export interface AccessCheck {
  /** The user whose membership gives the access. */
  readonly memberId: string;
  /** @throws the refusal, as a rejection, when the caller has lost access or has other permissions now */
  confirm(): Promise<void>;
}
