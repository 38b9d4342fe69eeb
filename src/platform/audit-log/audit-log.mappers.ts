/** The TypeScript types of types in this module's schema: see codegen.ts. */
export type { ActorType as ActorTypeMapper } from '../../kernel/vocabulary/actor.js';
