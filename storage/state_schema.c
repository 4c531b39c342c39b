/* state_schema.c - the database, version by version */
#include "storage/state_private.h"

/*
 * Rules (measured, DESIGN 8): NOT NULL primary keys everywhere; no triggers,
 * cascades, AUTOINCREMENT, REPLACE; no defaults that come from a clock or from
 * chance.  A step never changes once it is released: replicas, and readers of
 * old snapshots, run it again.  After ALTER TABLE t ADD COLUMN c comes UPDATE t
 * SET c = c: for rows that were written with fewer columns the session
 * extension records NULL as the old value, not the default, and their
 * changesets apply nowhere (measured, SQLite 3.40.1).
 *
 * Times are wall seconds, quotas bytes (0: unlimited), columns named secret_*
 * sealed (state_ops.h).
 */
static const char state_schema_1[] =
    "CREATE TABLE domains ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " display TEXT NOT NULL,"
    " note TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " suspended INTEGER NOT NULL,"
    " quota_default INTEGER NOT NULL,"
    " accounts_max INTEGER NOT NULL);"
    /* login is the address, or NULL while removed. */
    "CREATE TABLE accounts ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " login TEXT UNIQUE,"
    " address TEXT NOT NULL,"
    " domain TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " status INTEGER NOT NULL," /* 0 active, 1 suspended, 2 removed */
    " created INTEGER NOT NULL,"
    " changed INTEGER NOT NULL,"
    " removed INTEGER NOT NULL,"
    " purge_after INTEGER NOT NULL,"
    " quota_bytes INTEGER NOT NULL,"
    " quota_messages INTEGER NOT NULL,"
    " generation INTEGER NOT NULL,"
    " password_changed INTEGER NOT NULL,"
    " scram_salt BLOB NOT NULL,"
    " scram_iterations INTEGER NOT NULL,"
    " secret_password BLOB NOT NULL,"
    " volume TEXT NOT NULL);"
    "CREATE INDEX accounts_address ON accounts (address, id);"
    "CREATE INDEX accounts_domain ON accounts (domain, address, id);"
    "CREATE TABLE app_passwords ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " account TEXT NOT NULL,"
    " label TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " secret_password BLOB NOT NULL);"
    "CREATE INDEX app_passwords_account ON app_passwords (account);"
    "CREATE TABLE aliases ("
    " address TEXT NOT NULL PRIMARY KEY,"
    " domain TEXT NOT NULL,"
    " created INTEGER NOT NULL);"
    "CREATE TABLE alias_targets ("
    " address TEXT NOT NULL,"
    " target TEXT NOT NULL,"
    " PRIMARY KEY (address, target));"
    "CREATE INDEX alias_targets_target ON alias_targets (target);"
    "CREATE TABLE groups ("
    " address TEXT NOT NULL PRIMARY KEY,"
    " domain TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " posters TEXT NOT NULL,"
    " created INTEGER NOT NULL);"
    "CREATE TABLE group_members ("
    " address TEXT NOT NULL,"
    " member TEXT NOT NULL,"
    " PRIMARY KEY (address, member));"
    "CREATE INDEX group_members_member ON group_members (member);"
    "CREATE TABLE admins ("
    " login TEXT NOT NULL PRIMARY KEY,"
    " role TEXT NOT NULL,"
    " domain TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " generation INTEGER NOT NULL,"
    " scram_salt BLOB NOT NULL,"
    " scram_iterations INTEGER NOT NULL,"
    " secret_password BLOB NOT NULL);"
    "CREATE TABLE nodes ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " address TEXT NOT NULL,"
    " note TEXT NOT NULL,"
    " drain INTEGER NOT NULL,"
    " joined INTEGER NOT NULL);"
    "CREATE TABLE settings ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " value TEXT NOT NULL);"
    "CREATE TABLE keys ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " kind TEXT NOT NULL," /* dkim, ticket, srs */
    " domain TEXT NOT NULL,"
    " selector TEXT NOT NULL,"
    " algorithm TEXT NOT NULL,"
    " public TEXT NOT NULL,"
    " secret_key BLOB NOT NULL,"
    " active INTEGER NOT NULL,"
    " created INTEGER NOT NULL);"
    "CREATE TABLE certificates ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " chain TEXT NOT NULL,"
    " secret_key BLOB NOT NULL,"
    " created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL);"
    "CREATE TABLE certificate_names ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " certificate TEXT NOT NULL);"
    "CREATE TABLE volumes ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " url TEXT NOT NULL,"
    " note TEXT NOT NULL,"
    " created INTEGER NOT NULL);"
    "CREATE TABLE audit ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " at INTEGER NOT NULL,"
    " who TEXT NOT NULL,"
    " what TEXT NOT NULL,"
    " object TEXT NOT NULL,"
    " detail TEXT NOT NULL);"
    "CREATE INDEX audit_object ON audit (object, id);";

/* Seconds; 0: for ever, -1: as the settings say. */
static const char state_schema_2[] =
    "ALTER TABLE domains ADD COLUMN junk_keep INTEGER NOT NULL DEFAULT -1;"
    "UPDATE domains SET junk_keep = junk_keep;"
    "ALTER TABLE domains ADD COLUMN trash_keep INTEGER NOT NULL DEFAULT -1;"
    "UPDATE domains SET trash_keep = trash_keep;";

/*
 * Sending.  domains: separators are the characters that may stand between a
 * local part and its detail; messages_default is the quota in messages of new
 * accounts; message_max bytes (0: the setting); recipients_per_day of each
 * account (0: no limit, -1: the setting); dmarc is the most that a sender's
 * policy may do to mail for the domain (-1: as published, 0: nothing, 1: Junk);
 * outgoing: whether its accounts may send.  keys: active ones sign, whoever is
 * not active yet has no retired; node: only that node signs with it, empty:
 * all.
 */
static const char state_schema_3[] =
    "ALTER TABLE domains ADD COLUMN separators TEXT NOT NULL DEFAULT '+';"
    "UPDATE domains SET separators = separators;"
    "ALTER TABLE domains ADD COLUMN messages_default INTEGER NOT NULL"
    " DEFAULT 0;"
    "UPDATE domains SET messages_default = messages_default;"
    "ALTER TABLE domains ADD COLUMN message_max INTEGER NOT NULL DEFAULT 0;"
    "UPDATE domains SET message_max = message_max;"
    "ALTER TABLE domains ADD COLUMN recipients_per_day INTEGER NOT NULL"
    " DEFAULT -1;"
    "UPDATE domains SET recipients_per_day = recipients_per_day;"
    "ALTER TABLE domains ADD COLUMN dmarc INTEGER NOT NULL DEFAULT -1;"
    "UPDATE domains SET dmarc = dmarc;"
    "ALTER TABLE domains ADD COLUMN outgoing INTEGER NOT NULL DEFAULT 1;"
    "UPDATE domains SET outgoing = outgoing;"
    "ALTER TABLE keys ADD COLUMN node TEXT NOT NULL DEFAULT '';"
    "UPDATE keys SET node = node;"
    "ALTER TABLE keys ADD COLUMN activated INTEGER NOT NULL DEFAULT 0;"
    "UPDATE keys SET activated = created WHERE active != 0;"
    "UPDATE keys SET activated = activated;"
    "ALTER TABLE keys ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;"
    "UPDATE keys SET retired = created WHERE active = 0;"
    "UPDATE keys SET retired = retired;"
    "CREATE INDEX keys_kind ON keys (kind, domain, id);"
    "CREATE TABLE routes ("
    " pattern TEXT NOT NULL PRIMARY KEY," /* domain, .suffix, * */
    " hosts TEXT NOT NULL,"
    " tls TEXT NOT NULL," /* may, must, verify, never, implicit */
    " user TEXT NOT NULL,"
    " secret_password BLOB NOT NULL,"
    " note TEXT NOT NULL,"
    " created INTEGER NOT NULL);"
    "CREATE TABLE identities ("
    " account TEXT NOT NULL,"
    " address TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " PRIMARY KEY (account, address));"
    "CREATE INDEX identities_address ON identities (address);";

/* The console: who may use it, and what users decide for themselves. */
static const char state_schema_4[] =
    "ALTER TABLE admins ADD COLUMN name TEXT NOT NULL DEFAULT '';"
    "UPDATE admins SET name = name;"
    "ALTER TABLE admins ADD COLUMN secret_totp BLOB NOT NULL DEFAULT x'';"
    "UPDATE admins SET secret_totp = secret_totp;"
    "ALTER TABLE admins ADD COLUMN totp_step INTEGER NOT NULL DEFAULT 0;"
    "UPDATE admins SET totp_step = totp_step;"
    "ALTER TABLE accounts ADD COLUMN secret_totp BLOB NOT NULL DEFAULT x'';"
    "UPDATE accounts SET secret_totp = secret_totp;"
    "ALTER TABLE accounts ADD COLUMN totp_step INTEGER NOT NULL DEFAULT 0;"
    "UPDATE accounts SET totp_step = totp_step;"
    /* Whether a forwarding account keeps a copy. */
    "ALTER TABLE accounts ADD COLUMN forward_keep INTEGER NOT NULL DEFAULT 1;"
    "UPDATE accounts SET forward_keep = forward_keep;"
    "CREATE TABLE forwards ("
    " account TEXT NOT NULL," /* id */
    " target TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " PRIMARY KEY (account, target));"
    "CREATE INDEX forwards_target ON forwards (target);"
    /* All that a search looks at: the rows themselves are wide. */
    "CREATE INDEX accounts_search"
    " ON accounts (address, id, status, domain, name);"
    /* One-time links; hash: SHA-256 of the secret half of the code. */
    "CREATE TABLE admin_invites ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " login TEXT NOT NULL," /* or empty: who follows it chooses */
    " role TEXT NOT NULL,"
    " domain TEXT NOT NULL,"
    " inviter TEXT NOT NULL," /* admins.login, or empty: shoalctl */
    " token TEXT NOT NULL,"   /* that he used, or empty */
    " created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " hash BLOB NOT NULL);"
    "CREATE TABLE tokens ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " owner TEXT NOT NULL," /* admins.login */
    " label TEXT NOT NULL,"
    " scopes TEXT NOT NULL," /* accounts:write queue:read */
    " created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL," /* 0: never */
    " hash BLOB NOT NULL);"
    "CREATE INDEX tokens_owner ON tokens (owner);"
    /* Console sessions that were signed out before they expired. */
    "CREATE TABLE sessions_ended ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " expires INTEGER NOT NULL);";

const char *const state_schema_steps[STATE_SCHEMA] = { state_schema_1,
	state_schema_2, state_schema_3, state_schema_4 };

const char state_schema_local[] = "CREATE TABLE meta ("
				  " key TEXT NOT NULL PRIMARY KEY,"
				  " value TEXT NOT NULL);"
				  "CREATE TABLE applied ("
				  " seq INTEGER NOT NULL PRIMARY KEY,"
				  " txid TEXT NOT NULL);";
