/** What types of this module's schema are in code: see codegen.ts. */
export type { ApiKeyStatus as ApiKeyStatusMapper } from './api-key-status.js';
