/** Written by scripts/generate-data-model.ts. */
export const MODELS = [
  {
    "name": "Conversation",
    "schema": "public",
    "table": "conversations",
    "columns": [
      {
        "field": "tenantId",
        "column": "tenant_id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "id",
        "column": "id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "userId",
        "column": "user_id",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "subject",
        "column": "subject",
        "type": "String",
        "byDefault": "database",
        "isNullable": true
      },
      {
        "field": "body",
        "column": "body",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "version",
        "column": "version",
        "type": "Int",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "createdAt",
        "column": "created_at",
        "type": "DateTime",
        "byDefault": "time",
        "isNullable": false
      },
      {
        "field": "updatedAt",
        "column": "updated_at",
        "type": "DateTime",
        "byDefault": "time",
        "isNullable": false
      }
    ],
    "relations": [
      {
        "field": "tenant",
        "model": "Tenant"
      },
      {
        "field": "messages",
        "model": "Message"
      }
    ],
    "keys": [
      [
        "tenantId",
        "id"
      ]
    ]
  },
  {
    "name": "Message",
    "schema": "public",
    "table": "messages",
    "columns": [
      {
        "field": "tenantId",
        "column": "tenant_id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "id",
        "column": "id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "conversationId",
        "column": "conversation_id",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "userId",
        "column": "user_id",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "body",
        "column": "body",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "createdAt",
        "column": "created_at",
        "type": "DateTime",
        "byDefault": "time",
        "isNullable": false
      }
    ],
    "relations": [
      {
        "field": "tenant",
        "model": "Tenant"
      },
      {
        "field": "conversation",
        "model": "Conversation"
      }
    ],
    "keys": [
      [
        "tenantId",
        "id"
      ]
    ]
  },
  {
    "name": "Tenant",
    "schema": "public",
    "table": "tenants",
    "columns": [
      {
        "field": "id",
        "column": "id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "slug",
        "column": "slug",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "name",
        "column": "name",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "plan",
        "column": "plan",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "status",
        "column": "status",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "billingEmail",
        "column": "billing_email",
        "type": "String",
        "byDefault": "database",
        "isNullable": true
      },
      {
        "field": "settings",
        "column": "settings",
        "type": "Json",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "version",
        "column": "version",
        "type": "Int",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "createdAt",
        "column": "created_at",
        "type": "DateTime",
        "byDefault": "time",
        "isNullable": false
      },
      {
        "field": "updatedAt",
        "column": "updated_at",
        "type": "DateTime",
        "byDefault": "time",
        "isNullable": false
      }
    ],
    "relations": [
      {
        "field": "memberships",
        "model": "Membership"
      },
      {
        "field": "invitations",
        "model": "Invitation"
      },
      {
        "field": "apiKeys",
        "model": "ApiKey"
      },
      {
        "field": "auditEntries",
        "model": "AuditEntry"
      },
      {
        "field": "idempotencyKeys",
        "model": "IdempotencyKey"
      },
      {
        "field": "conversations",
        "model": "Conversation"
      },
      {
        "field": "messages",
        "model": "Message"
      }
    ],
    "keys": [
      [
        "id"
      ],
      [
        "slug"
      ]
    ]
  },
  {
    "name": "Membership",
    "schema": "public",
    "table": "memberships",
    "columns": [
      {
        "field": "tenantId",
        "column": "tenant_id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "id",
        "column": "id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "userId",
        "column": "user_id",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "email",
        "column": "email",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "role",
        "column": "role",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "invitedBy",
        "column": "invited_by",
        "type": "String",
        "byDefault": "database",
        "isNullable": true
      },
      {
        "field": "joinedAt",
        "column": "joined_at",
        "type": "DateTime",
        "byDefault": "time",
        "isNullable": false
      }
    ],
    "relations": [
      {
        "field": "tenant",
        "model": "Tenant"
      }
    ],
    "keys": [
      [
        "tenantId",
        "id"
      ],
      [
        "tenantId",
        "userId"
      ]
    ]
  },
  {
    "name": "Invitation",
    "schema": "public",
    "table": "invitations",
    "columns": [
      {
        "field": "tenantId",
        "column": "tenant_id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "id",
        "column": "id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "email",
        "column": "email",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "role",
        "column": "role",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "invitedBy",
        "column": "invited_by",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "invitedAt",
        "column": "invited_at",
        "type": "DateTime",
        "byDefault": "time",
        "isNullable": false
      },
      {
        "field": "expiresAt",
        "column": "expires_at",
        "type": "DateTime",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "tokenHash",
        "column": "token_hash",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "acceptedAt",
        "column": "accepted_at",
        "type": "DateTime",
        "byDefault": "database",
        "isNullable": true
      },
      {
        "field": "acceptedBy",
        "column": "accepted_by",
        "type": "String",
        "byDefault": "database",
        "isNullable": true
      },
      {
        "field": "revokedAt",
        "column": "revoked_at",
        "type": "DateTime",
        "byDefault": "database",
        "isNullable": true
      }
    ],
    "relations": [
      {
        "field": "tenant",
        "model": "Tenant"
      }
    ],
    "keys": [
      [
        "tenantId",
        "id"
      ],
      [
        "tenantId",
        "email"
      ]
    ]
  },
  {
    "name": "ApiKey",
    "schema": "public",
    "table": "api_keys",
    "columns": [
      {
        "field": "tenantId",
        "column": "tenant_id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "id",
        "column": "id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "name",
        "column": "name",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "prefix",
        "column": "prefix",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "keyHash",
        "column": "key_hash",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "permissions",
        "column": "permissions",
        "type": "String[]",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "createdBy",
        "column": "created_by",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "createdAt",
        "column": "created_at",
        "type": "DateTime",
        "byDefault": "time",
        "isNullable": false
      },
      {
        "field": "expiresAt",
        "column": "expires_at",
        "type": "DateTime",
        "byDefault": "database",
        "isNullable": true
      },
      {
        "field": "revokedAt",
        "column": "revoked_at",
        "type": "DateTime",
        "byDefault": "database",
        "isNullable": true
      },
      {
        "field": "lastUsedAt",
        "column": "last_used_at",
        "type": "DateTime",
        "byDefault": "database",
        "isNullable": true
      }
    ],
    "relations": [
      {
        "field": "tenant",
        "model": "Tenant"
      }
    ],
    "keys": [
      [
        "tenantId",
        "id"
      ]
    ]
  },
  {
    "name": "AuditEntry",
    "schema": "public",
    "table": "audit_log",
    "columns": [
      {
        "field": "tenantId",
        "column": "tenant_id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "id",
        "column": "id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "actor",
        "column": "actor",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "actorType",
        "column": "actor_type",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "action",
        "column": "action",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "entity",
        "column": "entity",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "entityId",
        "column": "entity_id",
        "type": "String",
        "byDefault": "database",
        "isNullable": true
      },
      {
        "field": "oldValue",
        "column": "old_value",
        "type": "Json",
        "byDefault": "database",
        "isNullable": true
      },
      {
        "field": "newValue",
        "column": "new_value",
        "type": "Json",
        "byDefault": "database",
        "isNullable": true
      },
      {
        "field": "requestId",
        "column": "request_id",
        "type": "String",
        "byDefault": "database",
        "isNullable": true
      },
      {
        "field": "createdAt",
        "column": "created_at",
        "type": "DateTime",
        "byDefault": "database",
        "isNullable": false
      }
    ],
    "relations": [
      {
        "field": "tenant",
        "model": "Tenant"
      }
    ],
    "keys": [
      [
        "tenantId",
        "id"
      ]
    ]
  },
  {
    "name": "IdempotencyKey",
    "schema": "public",
    "table": "idempotency_keys",
    "columns": [
      {
        "field": "tenantId",
        "column": "tenant_id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "id",
        "column": "id",
        "type": "String",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "actorType",
        "column": "actor_type",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "actor",
        "column": "actor",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "key",
        "column": "key",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "fingerprint",
        "column": "fingerprint",
        "type": "String",
        "byDefault": "prisma",
        "isNullable": false
      },
      {
        "field": "result",
        "column": "result",
        "type": "Json",
        "byDefault": "database",
        "isNullable": true
      },
      {
        "field": "permissions",
        "column": "permissions",
        "type": "String[]",
        "byDefault": "database",
        "isNullable": false
      },
      {
        "field": "createdAt",
        "column": "created_at",
        "type": "DateTime",
        "byDefault": "time",
        "isNullable": false
      },
      {
        "field": "expiresAt",
        "column": "expires_at",
        "type": "DateTime",
        "byDefault": "prisma",
        "isNullable": false
      }
    ],
    "relations": [
      {
        "field": "tenant",
        "model": "Tenant"
      }
    ],
    "keys": [
      [
        "tenantId",
        "id"
      ],
      [
        "tenantId",
        "actorType",
        "actor",
        "key"
      ]
    ]
  }
] as const;
