-- Webhooks: where a tenant wants to be told of changes, and what was sent there.
--
-- An entry of the audit log is the event. A trigger of the audit log writes one delivery for each webhook that asked for the
-- event, and queues a job that sends it, in the transaction of the change: what is committed is sent, what is rolled back is
-- not, and the transaction waits for nothing (docs/decisions/0025-deliveries-are-queued-with-the-audit-entry.md).


-- The endpoints ---------------------------------------------------------------------------------------------------------

CREATE TABLE "webhooks" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "url" TEXT NOT NULL,
    "description" TEXT,
    "events" TEXT[] NOT NULL,
    "payload" TEXT NOT NULL DEFAULT 'thin',
    "created_by" TEXT NOT NULL,
    "acts_for" TEXT NOT NULL,
    "api_key_id" UUID,
    "sealed_secret" TEXT NOT NULL,
    "former_sealed_secret" TEXT,
    "rotated_at" TIMESTAMPTZ(3),
    "revision" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "disabled_at" TIMESTAMPTZ(3),
    "disabled_because" TEXT,
    "failing_since" TIMESTAMPTZ(3),
    "held_until" TIMESTAMPTZ(3),

    CONSTRAINT "webhooks_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE INDEX "webhooks_tenant_id_created_at_id_idx" ON "webhooks"("tenant_id", "created_at", "id");

ALTER TABLE "webhooks" ADD CONSTRAINT "webhooks_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "webhooks" ADD CONSTRAINT "webhooks_tenant_id_api_key_id_fkey" FOREIGN KEY ("tenant_id", "api_key_id") REFERENCES "api_keys"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "webhooks"
  ADD CONSTRAINT "webhooks_url_check" CHECK (length("url") <= 2048),
  ADD CONSTRAINT "webhooks_events_check" CHECK (cardinality("events") BETWEEN 1 AND 50),
  ADD CONSTRAINT "webhooks_payload_check" CHECK ("payload" IN ('thin', 'full')),
  ADD CONSTRAINT "webhooks_disabled_because_check" CHECK ("disabled_because" IN ('by_hand', 'gone', 'failing')),
  ADD CONSTRAINT "webhooks_disabled_check" CHECK (("disabled_at" IS NULL) = ("disabled_because" IS NULL));
SELECT tenantry.check_times('public.webhooks');

-- The columns with the sealed secrets have names that say so, and are not in the audit log.
SELECT tenantry.protect('webhooks', 'Webhook');

-- Replaces the audit trigger that `protect` has made: how an endpoint fares is no change of the tenant's data, so a change of
-- `failing_since` and `held_until` alone makes no entry. A new column has to be added here; a test compares the two.
CREATE OR REPLACE TRIGGER audit
  AFTER INSERT OR DELETE OR UPDATE OF
    "tenant_id", "id", "url", "description", "events", "payload", "created_by", "acts_for", "api_key_id", "sealed_secret",
    "former_sealed_secret", "rotated_at", "revision", "created_at", "disabled_at", "disabled_because"
  ON "webhooks" FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('Webhook', 'webhook');

-- Who created a webhook, and when, is settled then.
REVOKE UPDATE ON "webhooks" FROM tenantry_app;
GRANT UPDATE (
  "url", "description", "events", "payload", "acts_for", "api_key_id", "sealed_secret", "former_sealed_secret", "rotated_at",
  "revision", "disabled_at", "disabled_because", "failing_since", "held_until"
) ON "webhooks" TO tenantry_app;

SELECT tenantry.limit_rows('public.webhooks', 'webhooks');


-- The deliveries --------------------------------------------------------------------------------------------------------

CREATE TABLE "webhook_deliveries" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "webhook_id" UUID NOT NULL,
    "event" TEXT NOT NULL,
    "entity" TEXT,
    "entity_id" TEXT,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'pending',
    "round" INTEGER NOT NULL DEFAULT 1,
    "round_began_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "answered_status" INTEGER,
    "failure" TEXT,
    "last_attempt_at" TIMESTAMPTZ(3),
    "next_attempt_at" TIMESTAMPTZ(3),
    "delivered_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_deliveries_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE INDEX "webhook_deliveries_tenant_id_created_at_id_idx" ON "webhook_deliveries"("tenant_id", "created_at", "id");
CREATE INDEX "webhook_deliveries_tenant_id_webhook_id_created_at_id_idx" ON "webhook_deliveries"("tenant_id", "webhook_id", "created_at", "id");

ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_tenant_id_webhook_id_fkey" FOREIGN KEY ("tenant_id", "webhook_id") REFERENCES "webhooks"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;
ALTER TABLE "webhook_deliveries"
  ADD CONSTRAINT "webhook_deliveries_status_check" CHECK ("status" IN ('pending', 'delivered', 'failed')),
  ADD CONSTRAINT "webhook_deliveries_failure_check" CHECK (
    "failure" IN ('url', 'no_public_address', 'unreachable', 'tls', 'timeout', 'bad_answer', 'disabled', 'held')
  ),
  ADD CONSTRAINT "webhook_deliveries_delivered_check" CHECK (("status" = 'delivered') = ("delivered_at" IS NOT NULL));

SELECT tenantry.isolate('webhook_deliveries');
COMMENT ON TABLE "webhook_deliveries" IS
  'What was sent to webhooks. Isolated but not audited: a delivery is made from an entry of the audit log, and is a log itself.';

-- The trigger of the audit log that queues deliveries. It runs in the transaction of the change. It looks first whether there
-- is a webhook for the event, by the primary key: this is done for each entry, and an INSERT of no row costs more.
--
-- It runs as the owner, because the functions that write the audit log do, and whom the policies hold as well: it sees the
-- webhooks of the bound tenant alone. A transaction without a tenant, which is maintenance, tells no webhook.
CREATE FUNCTION tenantry.queue_deliveries() RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  delivery uuid;
BEGIN
  IF NOT EXISTS (
    SELECT FROM public.webhooks w
    WHERE w.tenant_id = NEW.tenant_id AND w.disabled_at IS NULL AND NEW.action = ANY (w.events)
  ) THEN
    RETURN NULL;
  END IF;
  FOR delivery IN
    INSERT INTO public.webhook_deliveries (tenant_id, webhook_id, event, entity, entity_id, occurred_at)
    SELECT w.tenant_id, w.id, NEW.action, NEW.entity, NEW.entity_id, NEW.created_at FROM public.webhooks w
    WHERE w.tenant_id = NEW.tenant_id AND w.disabled_at IS NULL AND NEW.action = ANY (w.events)
    RETURNING id
  LOOP
    -- As many attempts as a job can have: each of them sends once at most, and the delivery counts what was sent.
    PERFORM tenantry.enqueue(
      'webhook.deliver', jsonb_build_object('deliveryId', delivery), NULL::timestamptz, delivery::text, 100
    );
  END LOOP;
  RETURN NULL;
END
$$;

CREATE TRIGGER queue_deliveries AFTER INSERT ON "audit_log" FOR EACH ROW
  WHEN (coalesce(current_setting('app.current_tenant', true), '') <> '')
  EXECUTE FUNCTION tenantry.queue_deliveries();

-- The prefixes of the actions that changes of rows have: `conversation` of `conversation.created`. So that a name that no
-- change will ever have can be refused.
CREATE FUNCTION tenantry.audited_prefixes() RETURNS TABLE (prefix text)
LANGUAGE sql STABLE
AS $$
  SELECT DISTINCT arguments[2]
  FROM pg_catalog.pg_trigger, pg_catalog.string_to_array(pg_catalog.encode(tgargs, 'escape'), '\000') AS arguments
  WHERE tgfoid = 'tenantry.write_audit'::pg_catalog.regproc AND tgparentid = 0
$$;

REVOKE ALL ON FUNCTION tenantry.queue_deliveries(), tenantry.audited_prefixes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.audited_prefixes() TO tenantry_app, tenantry_operator;
