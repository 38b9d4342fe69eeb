/** Whether a tenant is served. Only operators change it. */
export type TenantStatus = 'active' | 'suspended';
