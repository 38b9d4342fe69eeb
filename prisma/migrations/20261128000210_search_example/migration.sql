-- The example's search: conversations by their subject and body.

SELECT tenantry.make_searchable('public.conversations');
