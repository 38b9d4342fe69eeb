/** The roles of a Tenantry's database, as its migrations make them. */

/** Owns every object; runs migrations. */
export const OWNER_ROLE = 'tenantry_owner';
/** What the server connects as. */
export const APP_ROLE = 'tenantry_app';
/** What operator code connects as; the only one with BYPASSRLS. */
export const OPERATOR_ROLE = 'tenantry_operator';
