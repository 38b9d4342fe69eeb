/** The TypeScript types of types in this module's schema: see codegen.ts. */
export type WebhookPayloadKindMapper = 'thin' | 'full';
export type WebhookDisabledReasonMapper = 'by_hand' | 'gone' | 'failing';
export type WebhookDeliveryStatusMapper = 'pending' | 'delivered' | 'failed';
export type { WebhookFailure as WebhookFailureMapper } from './deliver.js';
