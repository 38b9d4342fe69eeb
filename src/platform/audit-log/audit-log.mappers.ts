/** What types of this module's schema are in code: see codegen.ts. */
export type { ActorType as ActorTypeMapper } from '../../kernel/vocabulary/actor.js';
