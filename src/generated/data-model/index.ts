/** Generated from the Prisma models by `npm run generate`. Do not edit. */

/** The models, by name. */
export const MODELS = {
  "Conversation": {
    "schema": "public",
    "table": "conversations",
    "fields": {
      "tenantId": {
        "type": "String",
        "column": "tenant_id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "id": {
        "type": "String",
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "userId": {
        "type": "String",
        "column": "user_id",
        "documentation": "The author's `sub` claim. Not a foreign key: a conversation outlives its author's membership."
      },
      "subject": {
        "type": "String",
        "isNullable": true,
        "column": "subject"
      },
      "body": {
        "type": "String",
        "column": "body"
      },
      "version": {
        "type": "Int",
        "column": "version",
        "byDefault": "value",
        "documentation": "Counts the changes of this row; the database does."
      },
      "createdAt": {
        "type": "DateTime",
        "column": "created_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "updatedAt": {
        "type": "DateTime",
        "column": "updated_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "tenant": {
        "type": "Tenant",
        "relation": {
          "fields": [
            "tenantId"
          ],
          "references": [
            "id"
          ]
        }
      },
      "messages": {
        "type": "Message",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      }
    },
    "keys": [
      {
        "fields": [
          "tenantId",
          "id"
        ]
      }
    ],
    "indexes": [
      [
        "tenantId",
        "createdAt",
        "id"
      ],
      [
        "tenantId",
        "updatedAt",
        "id"
      ],
      [
        "tenantId",
        "userId",
        "createdAt",
        "id"
      ]
    ]
  },
  "Message": {
    "schema": "public",
    "table": "messages",
    "fields": {
      "tenantId": {
        "type": "String",
        "column": "tenant_id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "id": {
        "type": "String",
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "conversationId": {
        "type": "String",
        "column": "conversation_id",
        "native": [
          "Uuid"
        ]
      },
      "userId": {
        "type": "String",
        "column": "user_id"
      },
      "body": {
        "type": "String",
        "column": "body"
      },
      "createdAt": {
        "type": "DateTime",
        "column": "created_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "tenant": {
        "type": "Tenant",
        "relation": {
          "fields": [
            "tenantId"
          ],
          "references": [
            "id"
          ]
        }
      },
      "conversation": {
        "type": "Conversation",
        "relation": {
          "fields": [
            "tenantId",
            "conversationId"
          ],
          "references": [
            "tenantId",
            "id"
          ]
        }
      }
    },
    "keys": [
      {
        "fields": [
          "tenantId",
          "id"
        ]
      }
    ],
    "indexes": [
      [
        "tenantId",
        "conversationId",
        "createdAt",
        "id"
      ]
    ]
  },
  "Tenant": {
    "schema": "public",
    "table": "tenants",
    "isOfPlatform": true,
    "fields": {
      "id": {
        "type": "String",
        "isUnique": true,
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "slug": {
        "type": "String",
        "isUnique": true,
        "column": "slug",
        "documentation": "The subdomain: 1–63 characters, lower-case letters, digits and inner hyphens."
      },
      "name": {
        "type": "String",
        "column": "name"
      },
      "plan": {
        "type": "String",
        "column": "plan",
        "byDefault": "value"
      },
      "status": {
        "type": "String",
        "column": "status",
        "byDefault": "value",
        "documentation": "`active` or `suspended`; only operators change it."
      },
      "suspensionReason": {
        "type": "String",
        "isNullable": true,
        "column": "suspension_reason",
        "documentation": "Why it is suspended, for its members."
      },
      "billingEmail": {
        "type": "String",
        "isNullable": true,
        "column": "billing_email"
      },
      "settings": {
        "type": "Json",
        "column": "settings",
        "byDefault": "value"
      },
      "version": {
        "type": "Int",
        "column": "version",
        "byDefault": "value",
        "documentation": "Counts the changes of this row; the database does."
      },
      "createdAt": {
        "type": "DateTime",
        "column": "created_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "updatedAt": {
        "type": "DateTime",
        "column": "updated_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "memberships": {
        "type": "Membership",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      },
      "invitations": {
        "type": "Invitation",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      },
      "apiKeys": {
        "type": "ApiKey",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      },
      "auditEntries": {
        "type": "AuditEntry",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      },
      "idempotencyKeys": {
        "type": "IdempotencyKey",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      },
      "webhooks": {
        "type": "Webhook",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      },
      "webhookDeliveries": {
        "type": "WebhookDelivery",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      },
      "exports": {
        "type": "TenantExport",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      },
      "exportChunks": {
        "type": "TenantExportChunk",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      },
      "impersonations": {
        "type": "Impersonation",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      },
      "conversations": {
        "type": "Conversation",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      },
      "messages": {
        "type": "Message",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      }
    },
    "keys": [],
    "indexes": [
      [
        "createdAt",
        "id"
      ],
      [
        "name",
        "id"
      ]
    ]
  },
  "Membership": {
    "schema": "public",
    "table": "memberships",
    "isOfPlatform": true,
    "fields": {
      "tenantId": {
        "type": "String",
        "column": "tenant_id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "id": {
        "type": "String",
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "userId": {
        "type": "String",
        "column": "user_id"
      },
      "email": {
        "type": "String",
        "column": "email"
      },
      "role": {
        "type": "String",
        "column": "role",
        "documentation": "`owner`, `admin`, `member` or `viewer`."
      },
      "invitedBy": {
        "type": "String",
        "isNullable": true,
        "column": "invited_by",
        "documentation": "The `userId` of whoever invited this member; null for the founding owner."
      },
      "joinedAt": {
        "type": "DateTime",
        "column": "joined_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "tenant": {
        "type": "Tenant",
        "relation": {
          "fields": [
            "tenantId"
          ],
          "references": [
            "id"
          ]
        }
      }
    },
    "keys": [
      {
        "fields": [
          "tenantId",
          "id"
        ]
      },
      {
        "fields": [
          "tenantId",
          "userId"
        ]
      }
    ],
    "indexes": [
      [
        "tenantId",
        "joinedAt",
        "id"
      ],
      [
        "userId"
      ]
    ]
  },
  "Invitation": {
    "schema": "public",
    "table": "invitations",
    "isOfPlatform": true,
    "fields": {
      "tenantId": {
        "type": "String",
        "column": "tenant_id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "id": {
        "type": "String",
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "email": {
        "type": "String",
        "column": "email",
        "documentation": "With the letters A to Z in lower case."
      },
      "role": {
        "type": "String",
        "column": "role",
        "documentation": "The role of the membership to be: `owner`, `admin`, `member` or `viewer`."
      },
      "invitedBy": {
        "type": "String",
        "column": "invited_by",
        "documentation": "The `userId` of whoever sent it. When they leave or fall in rank, the database revokes it."
      },
      "invitedAt": {
        "type": "DateTime",
        "column": "invited_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "expiresAt": {
        "type": "DateTime",
        "column": "expires_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "tokenHash": {
        "type": "String",
        "column": "token_hash",
        "documentation": "SHA-256 of the token in the mail, which is stored nowhere."
      },
      "acceptedAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "accepted_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "acceptedBy": {
        "type": "String",
        "isNullable": true,
        "column": "accepted_by"
      },
      "revokedAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "revoked_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "tenant": {
        "type": "Tenant",
        "relation": {
          "fields": [
            "tenantId"
          ],
          "references": [
            "id"
          ]
        }
      }
    },
    "keys": [
      {
        "fields": [
          "tenantId",
          "id"
        ]
      },
      {
        "fields": [
          "tenantId",
          "email"
        ]
      }
    ],
    "indexes": [
      [
        "tenantId",
        "invitedAt",
        "id"
      ],
      [
        "tenantId",
        "expiresAt",
        "id"
      ],
      [
        "tokenHash"
      ]
    ]
  },
  "ApiKey": {
    "schema": "public",
    "table": "api_keys",
    "isOfPlatform": true,
    "fields": {
      "tenantId": {
        "type": "String",
        "column": "tenant_id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "id": {
        "type": "String",
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "name": {
        "type": "String",
        "column": "name"
      },
      "prefix": {
        "type": "String",
        "column": "prefix",
        "documentation": "How the key begins, to recognise it by."
      },
      "keyHash": {
        "type": "String",
        "column": "key_hash",
        "documentation": "SHA-256 of the key, which is stored nowhere."
      },
      "permissions": {
        "type": "String",
        "isList": true,
        "column": "permissions",
        "documentation": "As keys spell them: `conversations:read`. What of them the creator's role does not hold is without effect."
      },
      "createdBy": {
        "type": "String",
        "column": "created_by",
        "documentation": "The `userId` of the member the key acts for. When they leave, the database revokes it."
      },
      "createdAt": {
        "type": "DateTime",
        "column": "created_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "expiresAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "expires_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "revokedAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "revoked_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "lastUsedAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "last_used_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "documentation": "To the minute; not in the audit log."
      },
      "tenant": {
        "type": "Tenant",
        "relation": {
          "fields": [
            "tenantId"
          ],
          "references": [
            "id"
          ]
        }
      },
      "webhooks": {
        "type": "Webhook",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      }
    },
    "keys": [
      {
        "fields": [
          "tenantId",
          "id"
        ]
      }
    ],
    "indexes": [
      [
        "tenantId",
        "createdAt",
        "id"
      ],
      [
        "keyHash"
      ]
    ]
  },
  "AuditEntry": {
    "schema": "public",
    "table": "audit_log",
    "isOfPlatform": true,
    "fields": {
      "tenantId": {
        "type": "String",
        "column": "tenant_id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "id": {
        "type": "String",
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "actor": {
        "type": "String",
        "column": "actor"
      },
      "actorType": {
        "type": "String",
        "column": "actor_type",
        "documentation": "`user`, `api_key`, `job`, `operator` or `system`."
      },
      "action": {
        "type": "String",
        "column": "action"
      },
      "entity": {
        "type": "String",
        "column": "entity"
      },
      "entityId": {
        "type": "String",
        "isNullable": true,
        "column": "entity_id"
      },
      "oldValue": {
        "type": "Json",
        "isNullable": true,
        "column": "old_value"
      },
      "newValue": {
        "type": "Json",
        "isNullable": true,
        "column": "new_value"
      },
      "requestId": {
        "type": "String",
        "isNullable": true,
        "column": "request_id"
      },
      "createdAt": {
        "type": "DateTime",
        "column": "created_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "database"
      },
      "tenant": {
        "type": "Tenant",
        "relation": {
          "fields": [
            "tenantId"
          ],
          "references": [
            "id"
          ]
        }
      }
    },
    "keys": [
      {
        "fields": [
          "tenantId",
          "id"
        ]
      }
    ],
    "indexes": [
      [
        "tenantId",
        "entity",
        "entityId",
        "id"
      ],
      [
        "tx"
      ]
    ]
  },
  "IdempotencyKey": {
    "schema": "public",
    "table": "idempotency_keys",
    "isOfPlatform": true,
    "fields": {
      "tenantId": {
        "type": "String",
        "column": "tenant_id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "id": {
        "type": "String",
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "actorType": {
        "type": "String",
        "column": "actor_type"
      },
      "actor": {
        "type": "String",
        "column": "actor"
      },
      "key": {
        "type": "String",
        "column": "key"
      },
      "fingerprint": {
        "type": "String",
        "column": "fingerprint",
        "documentation": "Of the document, the operation's name and the variables, SHA-256."
      },
      "result": {
        "type": "Json",
        "isNullable": true,
        "column": "result",
        "native": [
          "Json"
        ],
        "documentation": "`data` and `errors` as they were sent; null when they were too large to keep. Not jsonb, which sorts the fields."
      },
      "permissions": {
        "type": "String",
        "isList": true,
        "column": "permissions",
        "byDefault": "value",
        "documentation": "Those the result was given for."
      },
      "createdAt": {
        "type": "DateTime",
        "column": "created_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "expiresAt": {
        "type": "DateTime",
        "column": "expires_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "tenant": {
        "type": "Tenant",
        "relation": {
          "fields": [
            "tenantId"
          ],
          "references": [
            "id"
          ]
        }
      }
    },
    "keys": [
      {
        "fields": [
          "tenantId",
          "id"
        ]
      },
      {
        "fields": [
          "tenantId",
          "actorType",
          "actor",
          "key"
        ]
      }
    ],
    "indexes": [
      [
        "tenantId",
        "expiresAt"
      ]
    ]
  },
  "Webhook": {
    "schema": "public",
    "table": "webhooks",
    "isOfPlatform": true,
    "fields": {
      "tenantId": {
        "type": "String",
        "column": "tenant_id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "id": {
        "type": "String",
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "url": {
        "type": "String",
        "column": "url"
      },
      "description": {
        "type": "String",
        "isNullable": true,
        "column": "description"
      },
      "events": {
        "type": "String",
        "isList": true,
        "column": "events",
        "documentation": "Actions of the audit log: `conversation.created`."
      },
      "payload": {
        "type": "String",
        "column": "payload",
        "byDefault": "value",
        "documentation": "`thin` or `full`."
      },
      "createdBy": {
        "type": "String",
        "column": "created_by",
        "documentation": "The `userId` of whoever created it; for an API key, its id in the API."
      },
      "actsFor": {
        "type": "String",
        "column": "acts_for",
        "documentation": "The `userId` of the member whose permissions a full payload has: whoever last said what is sent where."
      },
      "apiKeyId": {
        "type": "String",
        "isNullable": true,
        "column": "api_key_id",
        "native": [
          "Uuid"
        ],
        "documentation": "The API key with which that member did so: a full payload then has no more permissions than the key."
      },
      "sealedSecret": {
        "type": "String",
        "column": "sealed_secret",
        "documentation": "The key of the signatures, encrypted with a key that the database does not know."
      },
      "formerSealedSecret": {
        "type": "String",
        "isNullable": true,
        "column": "former_sealed_secret",
        "documentation": "The key before `rotatedAt`, which is valid for another day."
      },
      "rotatedAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "rotated_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "revision": {
        "type": "Int",
        "column": "revision",
        "byDefault": "value",
        "documentation": "Changes with the URL and the secret, and when it is enabled: what came of an attempt before says nothing of it now."
      },
      "createdAt": {
        "type": "DateTime",
        "column": "created_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "disabledAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "disabled_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "disabledBecause": {
        "type": "String",
        "isNullable": true,
        "column": "disabled_because",
        "documentation": "`by_hand`, `gone` or `failing`."
      },
      "failingSince": {
        "type": "DateTime",
        "isNullable": true,
        "column": "failing_since",
        "native": [
          "Timestamptz",
          "3"
        ],
        "documentation": "Since when every attempt has failed; not in the audit log."
      },
      "heldUntil": {
        "type": "DateTime",
        "isNullable": true,
        "column": "held_until",
        "native": [
          "Timestamptz",
          "3"
        ],
        "documentation": "Until when the receiver is left alone, which has asked for it or did not answer in time; not in the audit log."
      },
      "tenant": {
        "type": "Tenant",
        "relation": {
          "fields": [
            "tenantId"
          ],
          "references": [
            "id"
          ]
        }
      },
      "apiKey": {
        "type": "ApiKey",
        "isNullable": true,
        "relation": {
          "fields": [
            "tenantId",
            "apiKeyId"
          ],
          "references": [
            "tenantId",
            "id"
          ]
        }
      },
      "deliveries": {
        "type": "WebhookDelivery",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      }
    },
    "keys": [
      {
        "fields": [
          "tenantId",
          "id"
        ]
      }
    ],
    "indexes": [
      [
        "tenantId",
        "createdAt",
        "id"
      ]
    ]
  },
  "WebhookDelivery": {
    "schema": "public",
    "table": "webhook_deliveries",
    "isOfPlatform": true,
    "fields": {
      "tenantId": {
        "type": "String",
        "column": "tenant_id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "id": {
        "type": "String",
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "webhookId": {
        "type": "String",
        "column": "webhook_id",
        "native": [
          "Uuid"
        ]
      },
      "event": {
        "type": "String",
        "column": "event"
      },
      "entity": {
        "type": "String",
        "isNullable": true,
        "column": "entity",
        "documentation": "As the audit log has them; null in a test."
      },
      "entityId": {
        "type": "String",
        "isNullable": true,
        "column": "entity_id"
      },
      "occurredAt": {
        "type": "DateTime",
        "column": "occurred_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "status": {
        "type": "String",
        "column": "status",
        "byDefault": "value",
        "documentation": "`pending`, `delivered` or `failed`."
      },
      "round": {
        "type": "Int",
        "column": "round",
        "byDefault": "value",
        "documentation": "One more than how often it was sent again by hand."
      },
      "roundBeganAt": {
        "type": "DateTime",
        "column": "round_began_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time",
        "documentation": "When it was made, or last sent again by hand."
      },
      "attempts": {
        "type": "Int",
        "column": "attempts",
        "byDefault": "value",
        "documentation": "In this round."
      },
      "answeredStatus": {
        "type": "Int",
        "isNullable": true,
        "column": "answered_status",
        "documentation": "The HTTP status of the last answer."
      },
      "failure": {
        "type": "String",
        "isNullable": true,
        "column": "failure",
        "documentation": "Why there was no answer, or no attempt."
      },
      "lastAttemptAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "last_attempt_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "nextAttemptAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "next_attempt_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "deliveredAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "delivered_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "createdAt": {
        "type": "DateTime",
        "column": "created_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "tenant": {
        "type": "Tenant",
        "relation": {
          "fields": [
            "tenantId"
          ],
          "references": [
            "id"
          ]
        }
      },
      "webhook": {
        "type": "Webhook",
        "relation": {
          "fields": [
            "tenantId",
            "webhookId"
          ],
          "references": [
            "tenantId",
            "id"
          ]
        }
      }
    },
    "keys": [
      {
        "fields": [
          "tenantId",
          "id"
        ]
      }
    ],
    "indexes": [
      [
        "tenantId",
        "createdAt",
        "id"
      ],
      [
        "tenantId",
        "webhookId",
        "createdAt",
        "id"
      ]
    ]
  },
  "TenantExport": {
    "schema": "public",
    "table": "tenant_exports",
    "isOfPlatform": true,
    "fields": {
      "tenantId": {
        "type": "String",
        "column": "tenant_id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "id": {
        "type": "String",
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "status": {
        "type": "String",
        "column": "status",
        "byDefault": "value",
        "documentation": "`pending`, `ready` or `failed`. A ready one whose time has passed is removed at night."
      },
      "requestedBy": {
        "type": "String",
        "column": "requested_by"
      },
      "anonymised": {
        "type": "Boolean",
        "column": "anonymised"
      },
      "createdAt": {
        "type": "DateTime",
        "column": "created_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "finishedAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "finished_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "expiresAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "expires_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "size": {
        "type": "BigInt",
        "isNullable": true,
        "column": "size",
        "documentation": "Bytes of the archive."
      },
      "sha256": {
        "type": "String",
        "isNullable": true,
        "column": "sha256",
        "documentation": "SHA-256 of the archive."
      },
      "rows": {
        "type": "BigInt",
        "isNullable": true,
        "column": "rows",
        "documentation": "Rows in the archive."
      },
      "failure": {
        "type": "String",
        "isNullable": true,
        "column": "failure",
        "documentation": "Why there is no archive, in words that the tenant may read."
      },
      "tenant": {
        "type": "Tenant",
        "relation": {
          "fields": [
            "tenantId"
          ],
          "references": [
            "id"
          ]
        }
      },
      "chunks": {
        "type": "TenantExportChunk",
        "isList": true,
        "relation": {
          "fields": [],
          "references": []
        }
      }
    },
    "keys": [
      {
        "fields": [
          "tenantId",
          "id"
        ]
      }
    ],
    "indexes": [
      [
        "tenantId",
        "createdAt",
        "id"
      ]
    ]
  },
  "TenantExportChunk": {
    "schema": "public",
    "table": "tenant_export_chunks",
    "isOfPlatform": true,
    "fields": {
      "tenantId": {
        "type": "String",
        "column": "tenant_id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "id": {
        "type": "String",
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "exportId": {
        "type": "String",
        "column": "export_id",
        "native": [
          "Uuid"
        ]
      },
      "number": {
        "type": "Int",
        "column": "number"
      },
      "bytes": {
        "type": "Bytes",
        "column": "bytes"
      },
      "tenant": {
        "type": "Tenant",
        "relation": {
          "fields": [
            "tenantId"
          ],
          "references": [
            "id"
          ]
        }
      },
      "export": {
        "type": "TenantExport",
        "relation": {
          "fields": [
            "tenantId",
            "exportId"
          ],
          "references": [
            "tenantId",
            "id"
          ]
        }
      }
    },
    "keys": [
      {
        "fields": [
          "tenantId",
          "id"
        ]
      },
      {
        "fields": [
          "tenantId",
          "exportId",
          "number"
        ]
      }
    ],
    "indexes": []
  },
  "Impersonation": {
    "schema": "public",
    "table": "impersonations",
    "isOfPlatform": true,
    "fields": {
      "tenantId": {
        "type": "String",
        "column": "tenant_id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "id": {
        "type": "String",
        "column": "id",
        "native": [
          "Uuid"
        ],
        "byDefault": "database"
      },
      "operator": {
        "type": "String",
        "column": "operator",
        "documentation": "The name of the operator: the `sub` claim of the operators' identity provider."
      },
      "reason": {
        "type": "String",
        "column": "reason"
      },
      "role": {
        "type": "String",
        "column": "role",
        "documentation": "`owner`, `admin`, `member` or `viewer`; of a member, the one when it began."
      },
      "userId": {
        "type": "String",
        "isNullable": true,
        "column": "user_id",
        "documentation": "The member as whom the operator acts; null when the operator only has the role."
      },
      "tokenHash": {
        "type": "String",
        "column": "token_hash",
        "documentation": "SHA-256 of the credential, which is stored nowhere."
      },
      "createdAt": {
        "type": "DateTime",
        "column": "created_at",
        "native": [
          "Timestamptz",
          "3"
        ],
        "byDefault": "time"
      },
      "expiresAt": {
        "type": "DateTime",
        "column": "expires_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "endedAt": {
        "type": "DateTime",
        "isNullable": true,
        "column": "ended_at",
        "native": [
          "Timestamptz",
          "3"
        ]
      },
      "endedBy": {
        "type": "String",
        "isNullable": true,
        "column": "ended_by",
        "documentation": "Who ended it early: a `userId`, or the operator."
      },
      "tenant": {
        "type": "Tenant",
        "relation": {
          "fields": [
            "tenantId"
          ],
          "references": [
            "id"
          ]
        }
      }
    },
    "keys": [
      {
        "fields": [
          "tenantId",
          "id"
        ]
      }
    ],
    "indexes": [
      [
        "tenantId",
        "createdAt",
        "id"
      ],
      [
        "tokenHash"
      ]
    ]
  }
} as const;

/** The values of the enums, by name, in the order they are declared in. */
export const ENUMS = {} as const;
