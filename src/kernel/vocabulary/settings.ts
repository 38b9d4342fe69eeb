/**
 * The settings of a tenant by their names, with the types of their values. A module adds its own by declaration merging, and
 * their schemas in `defineModule({ settings })`.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- modules add to it
export interface TenantSettings {}
