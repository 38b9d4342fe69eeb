-- An operator asks for the erasure of a tenant as its owner does: signed, recorded in the tenant's audit log with the operator
-- as the actor, and executed by the servers when its time has come.

GRANT EXECUTE ON FUNCTION tenantry.request_erasure(bigint, bigint, text) TO tenantry_operator;
