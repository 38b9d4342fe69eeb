/**
 * A door of the server: a schema at a path, with callers of its own. The tenants' and the operators' doors are made of the same
 * parts, and share no caller, no context and no connection to the database.
 */
import type { ApolloServerPlugin } from '@apollo/server';
import type { FastifyBaseLogger } from 'fastify';
import type { DocumentNode, ExecutionResult, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import type { RequestUsage } from '../kernel/request/request-usage.js';
import type { Deadline } from '../kernel/request/deadline.js';
import type { DocumentReader } from '../services/documents/document-reader.js';
import type { CostReport } from '../services/rates/cost-reservation.js';

/** What the contexts of both doors have. */
export interface DoorContext {
  readonly requestId: string;
  readonly deadline?: Deadline | undefined;
  readonly usage: RequestUsage;
  readonly log: FastifyBaseLogger;
}

/** A part of a budget that an operation has taken. */
interface Reservation {
  /** Gives back what the operation has not cost. */
  settle(actual: number): CostReport;
}

/** What an operation may cost. */
export interface Budget {
  readonly mostCost: number;
  /** Takes the cost from the budget. Undefined: there is none, only the limit. @throws RATE_LIMITED */
  readonly reserve?: (requested: number) => Reservation | Promise<Reservation>;
}

/** An operation that has been parsed and validated. */
export interface DoorOperation<Context> {
  /** The text of the document. */
  readonly source: string;
  readonly document: DocumentNode;
  /** Undefined when the document has no operation of the requested name. */
  readonly operation: OperationDefinitionNode | undefined;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly context: Context;
  /** Call it when the result is that of an earlier request. */
  readonly onReplay: () => void;
  /** Call it with what a client gives back to read what it has written. */
  readonly onWritten: (readAfter: string) => void;
}

/** Executes an operation. */
export type Run<Context> = (operation: DoorOperation<Context>) => Promise<ExecutionResult>;

export interface Door<Context extends DoorContext> {
  readonly schema: GraphQLSchema;
  readonly reader: DocumentReader;
  readonly run: Run<Context>;
  /** What an operation of this caller may cost. */
  readonly budgetOf: (context: Context) => Budget;
  /** What else this door does, such as answering introspection from a part of the schema. It is asked first. */
  readonly plugins?: readonly ApolloServerPlugin<Context>[];
}
