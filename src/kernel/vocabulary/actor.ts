/** The actor that the audit log records. */
export interface Actor {
  readonly type: ActorType;
  /** For a user, the `sub` claim of the identity provider. */
  readonly id: string;
}

export type ActorType = 'user' | 'api_key' | 'job' | 'operator' | 'system';
