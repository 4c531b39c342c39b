/* state_setting.c - limits and policies of the whole cluster */
#include "storage/state_setting.h"

#include "storage/state_address.h"
#include "storage/state_audit.h"
#include "storage/state_private.h"

#define K 1024ULL
#define MINUTE 60ULL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* clang-format off */
const struct state_setting_desc state_setting_table[] = {
	{ STATE_ACCOUNT_QUOTA, "account.quota", STATE_SETTING_BYTES,
	    "0", 0, 1ULL << 50,
	    "Quota of new accounts whose domain names none; 0: unlimited." },
	{ STATE_ACCOUNT_REMOVE_GRACE, "account.remove_grace",
	    STATE_SETTING_SECONDS, "30d", 0, 3650 * DAY,
	    "How long a removed account can be brought back." },
	{ STATE_TOMBSTONE_KEEP, "expunge.tombstones", STATE_SETTING_SECONDS,
	    "30d", DAY, 3650 * DAY,
	    "How long expunged messages can be brought back (account "
	    "undelete), and what was expunged is remembered." },
	{ STATE_AUDIT_KEEP, "audit.keep", STATE_SETTING_SECONDS,
	    "365d", DAY, 36500 * DAY,
	    "How long the audit table keeps a row." },
	{ STATE_INVITE_EXPIRES, "node.invite_expires", STATE_SETTING_SECONDS,
	    "24h", MINUTE, 90 * DAY,
	    "How long a node's invite can be used." },
	{ STATE_PASSWORD_LENGTH, "password.min_length", STATE_SETTING_U64,
	    "8", 1, 200,
	    "Fewest characters of a new password." },
	{ STATE_PASSWORD_COST, "password.yescrypt_cost", STATE_SETTING_U64,
	    "5", 1, 11,
	    "Cost of a password's hash: each step doubles time and memory "
	    "(5: 16 MiB, about 20 ms)." },
	{ STATE_PASSWORD_ITERATIONS, "password.scram_iterations",
	    STATE_SETTING_U64, "10000", 4096, 1000000,
	    "Iterations of SCRAM-SHA-256 for new accounts; every client has "
	    "to do them at every login." },
	{ STATE_POSTMASTER, "domain.postmaster", STATE_SETTING_TEXT,
	    "", 0, 320,
	    "Address that gets the mail for postmaster and abuse of domains "
	    "that have no such address." },
	{ STATE_MX_HOSTS, "domain.mx_hosts", STATE_SETTING_TEXT,
	    "", 0, 4096,
	    "Host names of the nodes that take mail and clients, for the DNS "
	    "records of domains (domain dns), separated by blanks; empty: "
	    "what the nodes call themselves." },
	{ STATE_SPF_RECORD, "domain.spf", STATE_SETTING_TEXT,
	    "v=spf1 mx ~all", 0, 1000,
	    "SPF record of domains, as domain dns shows it." },
	{ STATE_DMARC_RECORD, "domain.dmarc", STATE_SETTING_TEXT,
	    "v=DMARC1; p=none", 0, 1000,
	    "DMARC record of domains, as domain dns shows it." },
	{ STATE_DKIM_PUBLISH, "dkim.publish_time", STATE_SETTING_SECONDS,
	    "3d", 0, 365 * DAY,
	    "How old a new DKIM key is before the cluster, once it finds the "
	    "key's record in the DNS, signs with it." },
	{ STATE_MESSAGE_MAX, "message.max_size", STATE_SETTING_BYTES,
	    "50M", 64 * K, 2ULL << 30,
	    "Largest message." },
	{ STATE_NET_CONNECTIONS, "net.connections",
	    STATE_SETTING_U64, "65536", 16, 1000000,
	    "Connections of one node; at nine tenths of them new ones are "
	    "refused." },
	{ STATE_NET_PER_CLIENT, "net.connections_per_client",
	    STATE_SETTING_U64, "50", 1, 1000000,
	    "Connections from one client (IPv4 address or IPv6 /64) to one "
	    "node, each of SMTP and POP3." },
	{ STATE_NET_PER_CLIENT_IMAP, "net.connections_per_client_imap",
	    STATE_SETTING_U64, "200", 1, 1000000,
	    "The same for IMAP." },
	{ STATE_NET_RATE_PER_CLIENT, "net.rate_per_client",
	    STATE_SETTING_U64, "300", 1, 10000000,
	    "New connections a minute from one client to one node." },
	{ STATE_NET_EXEMPT, "net.exempt",
	    STATE_SETTING_TEXT, "127.0.0.0/8 ::1", 0, 4096,
	    "Networks whose connections and failed logins are not limited: "
	    "addresses or address/bits, separated by blanks." },
	{ STATE_NET_TLS_HANDSHAKE, "net.tls_handshake",
	    STATE_SETTING_SECONDS, "10s", 1, 300,
	    "How long a TLS handshake may take." },
	{ STATE_NET_PROXY_HEADER, "net.proxy_header",
	    STATE_SETTING_SECONDS, "5s", 1, 60,
	    "How long a balancer may take to send the PROXY header." },
	{ STATE_SMTP_TIMEOUT, "smtp.command_timeout",
	    STATE_SETTING_SECONDS, "5m", 5, 3600,
	    "How long an SMTP or LMTP client may think; a fifth of it when "
	    "nine tenths of net.connections are taken." },
	{ STATE_SMTP_FLOOR, "smtp.min_rate",
	    STATE_SETTING_U64, "500", 0, 1000000,
	    "Bytes a second below which sending a message is cut off; 0: "
	    "never." },
	{ STATE_SMTP_LINE, "smtp.line_max",
	    STATE_SETTING_U64, "2048", 512, 65536,
	    "Longest SMTP command line, in bytes." },
	{ STATE_SMTP_RECIPIENTS, "smtp.recipients_max",
	    STATE_SETTING_U64, "1000", 100, 100000,
	    "Recipients of one message." },
	{ STATE_SMTP_MESSAGES, "smtp.messages_per_session",
	    STATE_SETTING_U64, "100", 1, 1000000,
	    "Messages of one SMTP session of a stranger." },
	{ STATE_SMTP_ERRORS, "smtp.errors_max",
	    STATE_SETTING_U64, "20", 3, 1000,
	    "Errors of one SMTP session before it is closed; half as many "
	    "slow it down." },
	{ STATE_SMTP_BARE, "smtp.bare_newline",
	    STATE_SETTING_TEXT, "refuse", 0, 16,
	    "Messages with bare LF: refuse or normalise." },
	{ STATE_SMTP_HOPS, "smtp.hops_max",
	    STATE_SETTING_U64, "50", 5, 1000,
	    "Received fields beyond which a message is a loop." },
	{ STATE_SUBMISSION_FROM, "submission.check_from",
	    STATE_SETTING_BOOL, "yes", 0, 1,
	    "Whether all addresses in the From field of what is submitted "
	    "must be the account's, too (MAIL FROM always must)." },
	{ STATE_SUBMISSION_HIDE, "submission.hide_client",
	    STATE_SETTING_BOOL, "no", 0, 1,
	    "Leave name and address of a user's machine out of Received." },
	{ STATE_SUBMISSION_MESSAGES, "submission.messages_per_hour",
	    STATE_SETTING_U64, "0", 0, 1000000,
	    "Messages that an account may submit in an hour of the clock; "
	    "0: any number." },
	{ STATE_SUBMISSION_RCPTS, "submission.recipients_per_day",
	    STATE_SETTING_U64, "1000", 0, 100000000,
	    "Recipients of all that an account submits in a day (UTC); 0: "
	    "any number." },
	{ STATE_IMAP_LOGIN_TIMEOUT, "imap.login_timeout",
	    STATE_SETTING_SECONDS, "60s", 5, 3600,
	    "How long an IMAP client may take to log in." },
	{ STATE_IMAP_IDLE_TIMEOUT, "imap.idle_timeout",
	    STATE_SETTING_SECONDS, "30m", 60, 86400,
	    "How long an IMAP client may be silent, in IDLE too (RFC 9051, "
	    "5.4: at least 30 minutes)." },
	{ STATE_IMAP_LINE, "imap.line_max",
	    STATE_SETTING_BYTES, "64K", 1024, 1048576,
	    "Longest IMAP command without its literals." },
	{ STATE_IMAP_LINE_STRANGER, "imap.line_max_stranger",
	    STATE_SETTING_BYTES, "8K", 1024, 65536,
	    "The same before login, literals included." },
	{ STATE_IMAP_LITERAL, "imap.literal_max",
	    STATE_SETTING_BYTES, "100K", 4096, 10485760,
	    "Largest literal that is not a message." },
	{ STATE_IMAP_LITERALS_TOTAL, "imap.literals_total_max",
	    STATE_SETTING_BYTES, "1M", 65536, 104857600,
	    "All such literals of one command." },
	{ STATE_IMAP_LITERALS, "imap.literals_max",
	    STATE_SETTING_U64, "1000", 10, 100000,
	    "Literals of one command." },
	{ STATE_IMAP_ERRORS, "imap.errors_max",
	    STATE_SETTING_U64, "20", 3, 1000,
	    "Bad commands in a row before an IMAP session is closed (3 before "
	    "login)." },
	{ STATE_IMAP_SESSIONS, "imap.sessions_per_account",
	    STATE_SETTING_U64, "20", 1, 10000,
	    "IMAP sessions of one account from one client on one node." },
	{ STATE_POP3_IDLE_TIMEOUT, "pop3.idle_timeout",
	    STATE_SETTING_SECONDS, "10m", 60, 86400,
	    "How long a POP3 client may be silent (RFC 1939: at least 10 "
	    "minutes)." },
	{ STATE_POP3_ERRORS, "pop3.errors_max",
	    STATE_SETTING_U64, "20", 3, 1000,
	    "Bad commands of one POP3 session before it is closed." },
	{ STATE_AUTH_FAILURES, "auth.failures_max",
	    STATE_SETTING_U64, "20", 3, 100000,
	    "Recent failed logins of an account or network after which more "
	    "are refused unlooked at; they are forgotten by half every ten "
	    "minutes." },
	{ STATE_AUTH_DELAY, "auth.failure_delay",
	    STATE_SETTING_SECONDS, "2s", 0, 60,
	    "How long a failed login is answered later, at least." },
	{ STATE_AUTH_PLAINTEXT, "auth.allow_plaintext",
	    STATE_SETTING_BOOL, "no", 0, 1,
	    "Let passwords cross the network in clear: logins without TLS. "
	    "Clients on this machine itself and on Unix sockets always may, "
	    "unless a balancer speaks for them." },
	{ STATE_JUNK_KEEP, "retention.junk",
	    STATE_SETTING_SECONDS, "0", 0, 3650 * DAY,
	    "How long mail stays in Junk, for domains that say nothing "
	    "else; 0: for ever." },
	{ STATE_TRASH_KEEP, "retention.trash",
	    STATE_SETTING_SECONDS, "0", 0, 3650 * DAY,
	    "The same for Trash." },
	{ STATE_TRACE_KEEP, "trace.keep",
	    STATE_SETTING_SECONDS, "30d", 0, 3650 * DAY,
	    "How long it is known what happened to a message (shoalctl "
	    "trace); 0: nothing is written down." },
	{ STATE_CLIENT_HOST, "client.host", STATE_SETTING_TEXT,
	    "", 0, 253,
	    "Name by which mail programs reach the service, the balancer's: it "
	    "is told to those that set themselves up (autoconfig, Autodiscover, "
	    "SRV).  Default: the host name of the node that is asked." },
	{ STATE_QUEUE_PORT, "queue.port", STATE_SETTING_U64,
	    "25", 1, 65535,
	    "Port of the hosts that mail leaves to, where a route names "
	    "none." },
	{ STATE_DMARC_ENFORCE, "dmarc.enforce",
	    STATE_SETTING_BOOL, "yes", 0, 1,
	    "Whether the DMARC policy of a sender's domain is obeyed: reject "
	    "is refused, quarantine goes to Junk." },
	{ STATE_SMTP_REVERSE, "smtp.require_reverse_dns",
	    STATE_SETTING_BOOL, "no", 0, 1,
	    "Whether a client of port 25 is refused whose address has no name "
	    "that leads back to it." },
	{ STATE_SMTP_RATE, "smtp.rate_per_client",
	    STATE_SETTING_U64, "300", 1, 1000000,
	    "Messages a minute from one client to one node, on port 25." },
	{ STATE_QUEUE_LIFETIME, "queue.lifetime",
	    STATE_SETTING_SECONDS, "5d", 1, 30 * DAY,
	    "How long outgoing mail is tried before its sender is told that "
	    "it failed." },
	{ STATE_QUEUE_FIRST, "queue.retry_first",
	    STATE_SETTING_SECONDS, "5m", 1, DAY,
	    "When outgoing mail is tried again after it failed for the first "
	    "time; twice as long each time after." },
	{ STATE_QUEUE_MAX, "queue.retry_max",
	    STATE_SETTING_SECONDS, "4h", 1, 7 * DAY,
	    "Longest time between two tries." },
	{ STATE_QUEUE_NOTICE, "queue.delay_notice",
	    STATE_SETTING_SECONDS, "4h", 0, 30 * DAY,
	    "How long outgoing mail is late before its sender is told so, "
	    "once; 0: never." },
	{ STATE_QUEUE_PER_DEST, "queue.per_destination",
	    STATE_SETTING_U64, "10", 1, 1000,
	    "Sessions of one node with the hosts of one destination at "
	    "once." },
	{ STATE_QUEUE_AT_ONCE, "queue.at_once",
	    STATE_SETTING_U64, "100", 1, 10000,
	    "Deliveries of one node at once." },
	{ STATE_CONSOLE_IDLE, "console.session_idle", STATE_SETTING_SECONDS,
	    "1h", 60, 30 * DAY,
	    "How long a session of the console lasts after its last use." },
	{ STATE_CONSOLE_TIME, "console.session_time", STATE_SETTING_SECONDS,
	    "12h", 300, 90 * DAY,
	    "How long a session of the console lasts at most." },
	{ STATE_CONSOLE_HOSTS, "console.hosts", STATE_SETTING_TEXT,
	    "", 0, 2048,
	    "Further names and addresses by which browsers reach the console, "
	    "separated by blanks: a balancer's.  The nodes' host names, "
	    "client.host and the domains here are known." },
};
/* clang-format on */

_Static_assert(countof(state_setting_table) == STATE_SETTINGS,
    "every setting has a description");

const struct state_setting_desc *
state_setting_desc_find(struct str name)
{
	unsigned i;

	for (i = 0; i < countof(state_setting_table); i++)
		if (str_eq_c(name, state_setting_table[i].name))
			return &state_setting_table[i];
	return NULL;
}

/* Units by type; the first fits a number without one. */
static const struct {
	enum state_setting_type type;
	char unit;
	uint64_t factor;
} state_setting_units[] = {
	{ STATE_SETTING_BYTES, 'B', 1 },
	{ STATE_SETTING_BYTES, 'K', K },
	{ STATE_SETTING_BYTES, 'M', K *K },
	{ STATE_SETTING_BYTES, 'G', K *K *K },
	{ STATE_SETTING_BYTES, 'T', K *K *K *K },
	{ STATE_SETTING_SECONDS, 's', 1 },
	{ STATE_SETTING_SECONDS, 'm', MINUTE },
	{ STATE_SETTING_SECONDS, 'h', HOUR },
	{ STATE_SETTING_SECONDS, 'd', DAY },
};

static bool
state_setting_number(enum state_setting_type type, struct str v,
    uint64_t *number_r)
{
	uint64_t factor = 1;
	char last;
	unsigned i;

	if (v.n == 0)
		return false;
	last = v.p[v.n - 1];
	for (i = 0; i < countof(state_setting_units); i++)
		if (state_setting_units[i].type == type &&
		    (last == state_setting_units[i].unit ||
			(type == STATE_SETTING_BYTES &&
			    last == (state_setting_units[i].unit | 32)))) {
			factor = state_setting_units[i].factor;
			v.n--;
			break;
		}
	return str_u64(v, number_r) &&
	       !__builtin_mul_overflow(*number_r, factor, number_r);
}

static struct err *
state_setting_bad(struct arena *a, const struct state_setting_desc *d)
{
	static const char *const kinds[] = { "a number",
		"a size such as 10M or 2G", "a duration such as 12h or 30d",
		"yes or no" };

	if (d->type == STATE_SETTING_TEXT)
		return err_newf(a, ERR_INVALID, "that is nothing for %s: %s",
		    d->name, d->help);
	if (d->type == STATE_SETTING_BOOL)
		return err_newf(a, ERR_INVALID, "%s is %s", d->name,
		    kinds[d->type]);
	return err_newf(a, ERR_INVALID, "%s is %s, %llu to %llu%s", d->name,
	    kinds[d->type], (unsigned long long)d->min,
	    (unsigned long long)d->max,
	    d->type == STATE_SETTING_BYTES     ? " bytes"
	    : d->type == STATE_SETTING_SECONDS ? " seconds"
					       : "");
}

/* As in a Host field, without ports: names of any kind, and IP addresses. */
static bool
state_setting_is_hosts(struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (!(c >= '0' && c <= '9') &&
		    !((c | 32) >= 'a' && (c | 32) <= 'z') &&
		    (c == '\0' || strchr("-._: ", c) == NULL))
			return false;
	}
	return true;
}

static bool
state_setting_is_text(struct arena *a, const struct state_setting_desc *d,
    struct str value)
{
	struct str word, name;

	if (value.n > d->max)
		return false;
	if (d->id == STATE_CONSOLE_HOSTS)
		return state_setting_is_hosts(value);
	if (d->id == STATE_SMTP_BARE)
		return str_eq_c(value, "refuse") ||
		       str_eq_c(value, "normalise");
	if (d->id != STATE_MX_HOSTS && d->id != STATE_CLIENT_HOST)
		return true;
	if (d->id == STATE_CLIENT_HOST && str_chr(value, ' ') >= 0)
		return false;
	while (str_split(&value, ' ', &word))
		if (word.n > 0 && state_domain_parse(a, word, &name) != NULL)
			return false;
	return true;
}

struct err *
state_setting_parse(struct arena *a, const struct state_setting_desc *d,
    struct str value, uint64_t *number_r)
{
	*number_r = 0;
	switch (d->type) {
	case STATE_SETTING_TEXT:
		return state_setting_is_text(a, d, value)
			   ? NULL
			   : state_setting_bad(a, d);
	case STATE_SETTING_BOOL:
		*number_r = str_eq_c(value, "yes");
		return *number_r || str_eq_c(value, "no")
			   ? NULL
			   : state_setting_bad(a, d);
	case STATE_SETTING_U64:
	case STATE_SETTING_BYTES:
	case STATE_SETTING_SECONDS:
		break;
	}
	if (!state_setting_number(d->type, value, number_r) ||
	    *number_r < d->min || *number_r > d->max)
		return state_setting_bad(a, d);
	return NULL;
}

struct err *
state_setting_get_in(struct state_db *db, struct arena *a, int id,
    uint64_t *number_r, struct str *text_r, bool *is_default_r)
{
	const struct state_setting_desc *d = &state_setting_table[id];
	struct str text = STR_NONE;
	struct state_q q;
	struct err *e;
	bool set;

	state_q_begin(&q, db, a, "SELECT value FROM settings WHERE name = ?",
	    "t", str_c(d->name));
	set = state_q_row(&q);
	if (set)
		text = state_q_str(&q, 0);
	e = state_q_end(&q);
	/* What a newer version wrote and we cannot read. */
	if (e != NULL || !set ||
	    state_setting_parse(a, d, text, number_r) != NULL) {
		set = false;
		text = str_c(d->def);
		err_ignore(state_setting_parse(a, d, text, number_r)); /* ok */
	}
	*text_r = text;
	*is_default_r = !set;
	return e;
}

uint64_t
state_setting_u64_in(struct state_db *db, struct arena *a, int id)
{
	struct str text;
	uint64_t n;
	bool def;

	/* Damage is found by those who change something. */
	err_ignore(state_setting_get_in(db, a, id, &n, &text, &def));
	return n;
}

struct state_setting_change {
	const struct state_setting_desc *d;
	struct str value;
};

static struct err *
state_setting_run(struct state_tx *x, void *arg)
{
	struct state_setting_change *c = arg;
	struct str name = str_c(c->d->name);
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have,
	    "SELECT 1 FROM settings WHERE name = ?", "t", name);
	if (e == NULL && c->value.n == 0)
		e = state_run(x->db, x->a,
		    "DELETE FROM settings WHERE name = ?", "t", name);
	else if (e == NULL && have)
		e = state_run(x->db, x->a,
		    "UPDATE settings SET value = ? WHERE name = ?", "tt",
		    c->value, name);
	else if (e == NULL)
		e = state_run(x->db, x->a,
		    "INSERT INTO settings (name, value) VALUES (?, ?)", "tt",
		    name, c->value);
	return e != NULL ? e : state_audit(x, "settings.set", name, c->value);
}

struct err *
state_setting_set(struct task *t, struct state *st, const char *by,
    struct str name, struct str value)
{
	struct arena *a = task_arena(t);
	struct state_setting_change c = { .d = state_setting_desc_find(name),
		.value = value };
	struct state_address ad;
	struct err *e = NULL;
	uint64_t n;

	if (c.d == NULL)
		return err_newf(a, ERR_NOTFOUND, "there is no setting " STR_FMT,
		    STR_ARG(name));
	if (value.n > 0)
		e = state_setting_parse(a, c.d, value, &n);
	if (e == NULL && value.n > 0 && c.d->id == STATE_POSTMASTER) {
		e = state_address_parse(a, value, &ad);
		c.value = ad.full;
	}
	return e != NULL ? e : state_change(t, st, by, state_setting_run, &c);
}

struct str
state_setting_text(struct arena *a, struct state *st, enum state_setting id,
    bool *is_default_r)
{
	struct str text = str_c(state_setting_table[id].def);
	struct state_db *db;
	uint64_t n;
	bool def = true;

	if (state_read_begin(a, st, &db) == NULL) {
		/* On error text is the default. */
		err_ignore(
		    state_setting_get_in(db, a, (int)id, &n, &text, &def));
		state_read_end(st);
	}
	if (is_default_r != NULL)
		*is_default_r = def;
	return text;
}

uint64_t
state_setting_u64(struct state *st, enum state_setting id)
{
	struct arena *a = arena_new(0);
	struct str text;
	uint64_t n = 0;

	text = state_setting_text(a, st, id, NULL);
	/* It was parsed before. */
	err_ignore(state_setting_parse(a, &state_setting_table[id], text, &n));
	arena_free(&a);
	return n;
}
