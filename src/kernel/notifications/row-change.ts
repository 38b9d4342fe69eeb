export type ChangeKind = 'CREATED' | 'UPDATED' | 'DELETED';

/** That a row has changed. Not to be believed: anybody who may connect to the database can say so. Read the row. */
export interface RowChange {
  /** Unique in this process; a later change has a larger one. */
  readonly number: number;
  readonly tenantId: string;
  /** The entity's name in the audit log, `Conversation`. */
  readonly entity: string;
  readonly kind: ChangeKind;
  readonly id: string;
  /** The ids that the table is published with, by column: `conversation_id`. */
  readonly keys: Readonly<Record<string, string | null>>;
}
