/** What a document asks for below the rows of a list, as far as it can be read together with them. */
import type { Order, Page } from './connection.js';
import type { ModelName } from './sort-key.js';

/** The list of the rows that refer to a parent. */
export interface ChildList {
  readonly model: ModelName;
  /** The field with the id of the parent, a UUID. */
  readonly field: string;
  readonly order: Order;
}

/** A list below rows that are about to be read. */
export interface ListAhead {
  readonly list: ChildList;
  readonly page: Page;
  /** The fields that are needed of its rows; undefined for all. */
  readonly fields: ReadonlySet<string> | undefined;
}

/** What a document needs of the rows of a list. */
export interface Below {
  /** The fields of the model; undefined for all. */
  readonly fields: ReadonlySet<string> | undefined;
  /** The lists below each row. */
  readonly lists: readonly ListAhead[];
}
