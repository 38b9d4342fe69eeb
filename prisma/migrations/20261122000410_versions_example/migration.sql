-- Versions of conversations.

ALTER TABLE "conversations" ADD COLUMN "version" INTEGER NOT NULL DEFAULT 1;
SELECT tenantry.count_versions('conversations');
