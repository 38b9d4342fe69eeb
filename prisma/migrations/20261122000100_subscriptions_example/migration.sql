-- The example's subscriptions: conversationChanged, and messagePosted in a conversation.

SELECT tenantry.publish('conversations');
SELECT tenantry.publish('messages', 'conversation_id');
