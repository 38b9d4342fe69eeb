-- The example domain: conversations are counted, and limited by the quotas of plans. Delete this migration with the example.
SELECT tenantry.limit_rows('public.conversations', 'conversations');
