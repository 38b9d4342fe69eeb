import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import type { MODELS } from '../../generated/data-model/index.js';
import type { RecordedEntities } from '../access/recorded-columns.js';
import type { DataRules } from './shield.js';
import type { PermissionGrants, Role } from '../vocabulary/permissions.js';
import type { Resolvers } from '../../generated/graphql.js';
import type { Config } from '../config/config.js';
import type { Outgoing } from '../outgoing/outgoing.js';
import type { Database } from '../tenancy/database.js';
import type { TenantClient } from '../tenancy/tenant-client.js';
import type { JobHandlers } from './job-handler.js';
import type { ReadNodes } from './node-reader.js';
import type { ModuleContext } from './request-context.js';

/** The server's parts that modules may use for their context. Services add to it: see services/mail/mailer.ts. */
export interface ServerParts {
  readonly config: Config;
  readonly database: Database;
  /** Sends requests to hosts of others. */
  readonly outgoing: Outgoing;
}

/** A domain of the API: a folder with its part of the schema, its resolvers and its permissions. */
export interface Module {
  readonly name: string;
  /** SDL. Every root field and every type needs `@requires` or `@authenticated`. */
  readonly typeDefs: string;
  readonly resolvers: Resolvers;
  /** The permissions this module introduces, and the roles that hold them. */
  readonly permissions?: PermissionGrants;
  /** Rules that look at data, in addition to the directives. */
  readonly rules?: DataRules;
  /** The mapping of this module's entities in the audit log, when names of the database and the schema differ. */
  readonly audit?: RecordedEntities;
  /**
   * How objects are read by their ids alone, by the name of their type, which implements Node. Default: the rows of the
   * model with that name.
   */
  readonly nodes?: Readonly<Record<string, ReadNodes>>;
  /**
   * The resources that plans may limit, each with the model whose rows count: `{ conversations: 'Conversation' }`. A
   * migration makes the database count them, `SELECT tenantry.limit_rows('conversations', 'conversations')`.
   */
  readonly quotas?: Readonly<Record<string, keyof typeof MODELS>>;
  /**
   * The handlers of this module's jobs, by task: `{ 'conversation.digest': { payload, run } }`. The module declares the
   * payloads in `JobPayloads`: see kernel/vocabulary/job.ts.
   */
  readonly jobs?: JobHandlers;
  /**
   * Erases a tenant from a store outside of the database, before its rows are deleted. It is called again when it fails or is
   * cut off, so it must not fail because the tenant is not there any more.
   */
  readonly erase?: (tenantId: string) => Promise<void>;
  /** Root fields that the owners of a tenant may use while it waits for its erasure: `Query.exports`. */
  readonly whileErasing?: readonly string[];
  /**
   * Fields of Query whose answers may be some seconds old, so that a streaming replica may give them: `Query.conversations`.
   * Their resolvers, and those of everything below them, write nothing. An operation goes there when all of its fields are
   * such ones.
   */
  readonly mayLag?: readonly string[];
  /**
   * The settings that each tenant has, by name: `{ replyWithinHours: z.int().min(1).default(24).describe('…') }`. Each needs a
   * default. The module declares their types in `TenantSettings`: see kernel/vocabulary/settings.ts.
   */
  readonly settings?: Readonly<Record<string, z.ZodType>>;
  /** Returns what this module adds to the context of every request. Called once at the start. */
  readonly context?: (parts: ServerParts) => Partial<ModuleContext>;
  /** Adds demo data to a new demo tenant, through the tenant-bound client of its user with the given role. */
  readonly seedDemo?: (as: (role: Role) => TenantClient) => Promise<void>;
}

/** @throws Error when two modules add the same property */
export function moduleContext(modules: readonly Module[], parts: ServerParts): ModuleContext {
  const added: Record<string, unknown> = {};
  for (const { name, context } of modules) {
    for (const [key, value] of Object.entries(context?.(parts) ?? {})) {
      if (Object.hasOwn(added, key))
        throw new Error(`${name} adds ${key} to the context, as another module does`);
      added[key] = value;
    }
  }
  // Each module declares the type of its own part.
  return added as unknown as ModuleContext;
}

/** Declares a module; src/modules.ts installs it. */
export const defineModule = (module: Module): Module => module;

/** Reads the SDL file in a module's folder: `readSchema(import.meta.url, 'conversation.graphql')`. */
export const readSchema = (moduleUrl: string, file: string): string =>
  readFileSync(new URL(file, moduleUrl), 'utf8');
