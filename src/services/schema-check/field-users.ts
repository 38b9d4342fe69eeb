/** Who uses a part of the schema, as operators read it. Servers count it: services/field-usage. */
import type { OperatorConnection } from '../operator/operator-connection.js';

/** A client of a tenant that has used something. */
export interface FieldUser {
  readonly coordinate: string;
  /** The slug of the tenant. */
  readonly tenant: string;
  /** What the client calls itself; empty when it does not say. */
  readonly client: string;
  /** The id of the API key; empty for users. */
  readonly apiKey: string;
  readonly requests: number;
  /** The last day, `2026-11-30`. */
  readonly lastDay: string;
  /** The name of its last operation; empty when it has none. */
  readonly operation: string;
}

/** What is looked for: coordinates, and beginnings of coordinates. */
export interface Sought {
  readonly exact: readonly string[];
  readonly prefixes?: readonly string[];
}

/** The most days of which the database knows. */
export const MOST_DAYS = 90;

/** Everybody who has used one of these in the last days, today included: the most requests first. */
export const fieldUsers = (
  { query }: Pick<OperatorConnection, 'query'>,
  { exact, prefixes = [] }: Sought,
  days: number,
): Promise<FieldUser[]> =>
  query<FieldUser & Record<string, unknown>>(
    `SELECT u.coordinate, t.slug AS tenant, u.client, u.api_key AS "apiKey", sum(u.requests)::float8 AS requests,
       to_char(max(u.day) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS "lastDay",
       (array_agg(u.operation ORDER BY u.day DESC))[1] AS operation
     FROM tenantry.field_usage u JOIN public.tenants t ON t.id = u.tenant_id
     WHERE u.coordinate <> '' AND u.day > date_trunc('day', clock_timestamp(), 'UTC') - $3 * interval '1 day'
       AND (u.coordinate = ANY ($1::text[])
         OR EXISTS (SELECT FROM unnest($2::text[]) AS p (beginning) WHERE starts_with(u.coordinate, p.beginning)))
     GROUP BY u.coordinate, t.slug, u.client, u.api_key
     ORDER BY requests DESC, u.coordinate COLLATE "C", t.slug, u.client, u.api_key`,
    [exact, prefixes, days],
  );
