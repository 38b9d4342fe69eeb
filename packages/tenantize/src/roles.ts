/** The roles of Tenantry's migrations. */

/** Owns every object; runs migrations. */
export const OWNER_ROLE = 'tenantry_owner';
/** The server's role. */
export const APP_ROLE = 'tenantry_app';
/** The role of operators' code; the only one with BYPASSRLS. */
export const OPERATOR_ROLE = 'tenantry_operator';
