/** The TypeScript types of types in this module's schema: see codegen.ts. */
export type { ApiKeyStatus as ApiKeyStatusMapper } from './api-key-status.js';
