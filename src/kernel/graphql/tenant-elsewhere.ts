/**
 * Tenants of which the caller is a member and in which the request does not act. They are objects of the type Tenant,
 * like the one in which it acts, so that a client's cache has each tenant once. But the caller's permissions hold for the
 * other one: of a tenant elsewhere nobody is told more than what every member of it may know.
 */
import { defaultFieldResolver, isObjectType, type GraphQLSchema } from 'graphql';
import { PublicError } from '../vocabulary/errors.js';
import type { TenantStatus } from '../vocabulary/tenant-status.js';

/** What every member of a tenant may know of it. */
export interface KnownOfTenant {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly status: TenantStatus;
  readonly createdAt: Date;
  readonly version: number;
}

export class TenantElsewhere implements KnownOfTenant {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly status: TenantStatus;
  readonly createdAt: Date;
  readonly version: number;

  constructor({ id, slug, name, status, createdAt, version }: KnownOfTenant) {
    this.id = id;
    this.slug = slug;
    this.name = name;
    this.status = status;
    this.createdAt = createdAt;
    this.version = version;
  }
}

const KNOWN: ReadonlySet<string> = new Set<keyof TenantElsewhere>([
  'id',
  'slug',
  'name',
  'status',
  'createdAt',
  'version',
]);

/**
 * Refuses every other field of a tenant elsewhere, those of modules included: FORBIDDEN, requires `tenant:own`. Call it
 * before the schema is guarded.
 */
export function refuseTenantsElsewhere(schema: GraphQLSchema): void {
  const type = schema.getType('Tenant');
  if (!isObjectType(type)) return;
  for (const field of Object.values(type.getFields())) {
    if (KNOWN.has(field.name)) continue;
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = (tenant, ...of) => {
      if (tenant instanceof TenantElsewhere) {
        throw new PublicError('FORBIDDEN', 'Ask for this in a request that acts in that tenant.', {
          requires: 'tenant:own',
        });
      }
      return resolve(tenant, ...of);
    };
  }
}
