-- The example domain: conversations and their messages. Delete this migration with the example.

CREATE TABLE "conversations" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "user_id" TEXT NOT NULL,
    "subject" TEXT,
    "body" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "conversations_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE TABLE "messages" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "conversation_id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "messages_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE INDEX "conversations_tenant_id_created_at_id_idx" ON "conversations"("tenant_id", "created_at", "id");
CREATE INDEX "conversations_tenant_id_updated_at_id_idx" ON "conversations"("tenant_id", "updated_at", "id");
CREATE INDEX "conversations_tenant_id_user_id_created_at_id_idx" ON "conversations"("tenant_id", "user_id", "created_at", "id");
CREATE INDEX "messages_tenant_id_conversation_id_created_at_id_idx" ON "messages"("tenant_id", "conversation_id", "created_at", "id");

ALTER TABLE "conversations" ADD CONSTRAINT "conversations_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "messages" ADD CONSTRAINT "messages_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "messages" ADD CONSTRAINT "messages_tenant_id_conversation_id_fkey" FOREIGN KEY ("tenant_id", "conversation_id") REFERENCES "conversations"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;

SELECT tenantry.protect('conversations', 'Conversation');
SELECT tenantry.protect('messages', 'Message');
SELECT tenantry.count_versions('conversations');

-- For the subscriptions conversationChanged, and messagePosted in a conversation.
SELECT tenantry.publish('conversations');
SELECT tenantry.publish('messages', 'conversation_id');

-- Conversations are searched by their subject and body.
SELECT tenantry.make_searchable('public.conversations');
