#!/bin/sh
# Writes the secrets that deploy/compose.yaml mounts, once: what is there is kept.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
# Letters and digits only: they stand in URLs.
password() { openssl rand -hex 24; }
keep() { [ -e "secrets/$1" ] || printf '%s\n' "$2" >"secrets/$1"; }

keep postgres_password "$(password)"
keep app_password "$(password)"
keep operator_password "$(password)"
keep jwt_secret "$(openssl rand -base64 48)"
keep audit_seal_key "$(openssl genpkey -algorithm ed25519)"
keep encryption_keys "$(openssl rand -base64 48)"
app=$(cat secrets/app_password)
keep pgbouncer_users "\"tenantry_app\" \"$app\""
keep database_url "postgresql://tenantry_app:$app@postgres:5432/tenantry"
keep pooled_database_url "postgresql://tenantry_app:$app@pgbouncer:5432/tenantry"
keep database_operator_url "postgresql://tenantry_operator:$(cat secrets/operator_password)@postgres:5432/tenantry"
keep database_owner_url "postgresql://postgres:$(cat secrets/postgres_password)@postgres:5432/tenantry"
# Containers read them under other user ids; the folder itself stays closed to others.
chmod 700 secrets
chmod 644 secrets/*
