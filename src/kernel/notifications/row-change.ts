export type ChangeKind = 'CREATED' | 'UPDATED' | 'DELETED';

/**
 * The announcement that a row has changed. Do not trust it: anybody who may connect to the database can send one. Read
 * the row.
 */
export interface RowChange {
  /** Unique in this process; a later change has a larger one. */
  readonly number: number;
  readonly tenantId: string;
  /** The entity's name in the audit log, `Conversation`. */
  readonly entity: string;
  readonly kind: ChangeKind;
  readonly id: string;
  /** The published ids of the row, by column: `conversation_id`. */
  readonly keys: Readonly<Record<string, string | null>>;
}
