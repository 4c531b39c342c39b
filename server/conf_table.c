/* conf_table.c - every key of the configuration file */
#include "server/conf_private.h"

/* clang-format off */
const struct conf_section_desc conf_section_table[CONF_SECTIONS] = {
	[CONF_TOP] = { NULL, false,
	    "What this node is, and where its things are." },
	[CONF_CLUSTER] = { "cluster", false,
	    "How the nodes find each other." },
	[CONF_DNS] = { "dns", false,
	    "Who is asked for names.  Answers are validated (DNSSEC): the "
	    "resolvers have to pass signatures on." },
	[CONF_LOG] = { "log", false, "Where the log goes." },
	[CONF_TLS] = { "tls", false,
	    "Certificates of this node's own.  They override those of the "
	    "cluster (shoalctl tls); without either the node makes itself a "
	    "self-signed one.  Files that change are noticed within a minute." },
	[CONF_LISTEN] = { "listen", true,
	    "One section for each service, with a title of its own." },
	[CONF_SETTINGS] = { "settings", false,
	    "Settings of the cluster (shoalctl settings list), overridden on "
	    "this node alone: smtp.recipients_max = 500" },
};

static const char *const conf_formats[] = {
	[LOG_LOGFMT] = "logfmt", [LOG_JSON] = "json", NULL };
static const char *const conf_levels[] = {
	[LOG_DEBUG_] = "debug", [LOG_INFO_] = "info", [LOG_WARN_] = "warn",
	[LOG_ERROR_] = "error", [LOG_ALARM_] = "alarm", NULL };
static const char *const conf_noyes[] = { "no", "yes", NULL };
/* Those of net/listener.h's protocols; a test compares. */
static const char *const conf_protocols[] = { "smtp", "submission",
	"submissions", "lmtp", "imap", "imaps", "pop3", "pop3s", "https",
	"health", "agent", NULL };

#define IN_CONF(m) offsetof(struct conf, m), 0
#define IN_CONF_N(m) offsetof(struct conf, m), offsetof(struct conf, m##_n)
#define IN_LISTEN(m) offsetof(struct conf_listener, m), 0
#define IN_LISTEN_N(m) offsetof(struct conf_listener, m), \
	offsetof(struct conf_listener, m##_n)

const struct conf_key conf_table[] = {
	{ CONF_TOP, "node", CONF_NODE_NAME, NULL, 1, 63, NULL,
	    IN_CONF(node), false, false, "n1",
	    "The node's name: unique in the cluster.  Default: the host's "
	    "name up to its first dot." },
	{ CONF_TOP, "share", CONF_SHARE, NULL, 1, 4096, NULL,
	    IN_CONF(share), true, false,
	    "nfs://10.0.0.5/export/mail?uid=990&gid=990",
	    "The directory that all nodes share: nfs://SERVER/EXPORT?uid=N&"
	    "gid=N, a path on an NFS mount (Shoal then speaks to that server "
	    "itself), or a directory of this machine (one node only)." },
	{ CONF_TOP, "local", CONF_PATH, "/var/lib/shoal", 1, 1024, NULL,
	    IN_CONF(local), false, false, "/var/lib/shoal",
	    "The node's own directory, on a local disk: its identity, the "
	    "cluster key, a replica of the state, caches." },
	{ CONF_TOP, "user", CONF_TEXT, "shoal", 1, 256, NULL,
	    IN_CONF(user), false, false, "shoal",
	    "User the workers run as.  Matters if shoald is started as "
	    "root." },
	{ CONF_TOP, "group", CONF_TEXT, NULL, 1, 256, NULL,
	    IN_CONF(group), false, false, "shoal",
	    "Group the workers run as.  Default: the user's." },
	{ CONF_TOP, "hostname", CONF_HOST_NAME, NULL, 1, 253, NULL,
	    IN_CONF(hostname), false, true, "mail1.example.org",
	    "Name in greetings and Received fields.  Default: the host's." },
	{ CONF_TOP, "workers", CONF_NUMBER, "0", 0, 256, NULL,
	    IN_CONF(workers), false, false, "0",
	    "Worker processes; 0: one per core." },
	{ CONF_TOP, "drain_timeout", CONF_SECONDS, "30s", 0, 86400, NULL,
	    IN_CONF(drain_timeout_s), false, true, "30s",
	    "How long sessions may finish after SIGTERM or shoalctl node "
	    "drain, before they are cut off." },

	{ CONF_TOP, "send", CONF_CHOICE, "yes", 0, 0, conf_noyes,
	    IN_CONF(send), false, false, "yes",
	    "Whether this node delivers mail to other hosts.  One that does "
	    "not takes mail all the same: it leaves through those that do." },
	{ CONF_TOP, "send_from", CONF_NETWORKS, NULL, 1, 1024, NULL,
	    offsetof(struct conf, send_from), offsetof(struct conf, send_from_n),
	    false, true, "{ \"192.0.2.25\", \"2001:db8::25\" }",
	    "Addresses of this node that mail to other hosts comes from, one "
	    "of each family.  Default: as the kernel chooses." },

	{ CONF_CLUSTER, "address", CONF_UDP_ADDRESS, NULL, 1, 64, NULL,
	    IN_CONF(cluster.address), false, false, "10.0.0.11:8446",
	    "UDP address for hints, reachable from the other nodes.  Without "
	    "it other nodes' changes are seen some seconds later." },

	{ CONF_DNS, "servers", CONF_RESOLVERS, NULL, 1, 64, NULL,
	    IN_CONF_N(dns.servers), false, true,
	    "{ \"10.0.0.53\", \"10.0.1.53@5353\" }",
	    "Resolvers: ADDRESS, ADDRESS@PORT, ADDRESS:PORT or [IPV6]:PORT.  "
	    "Default: those of /etc/resolv.conf." },
	{ CONF_DNS, "trust_anchor", CONF_ANCHOR, "", 0, 1024, NULL,
	    IN_CONF(dns.trust_anchor), false, true,
	    "/etc/shoal/root.key",
	    "File with the keys (DS, DNSKEY) that validation begins with; "
	    "the workers' user must be able to read it.  Default: that of "
	    "Debian's dns-root-data, /usr/share/dns/root.key." },
	{ CONF_DNS, "insecure", CONF_DOMAINS, NULL, 1, 253, NULL,
	    IN_CONF_N(dns.insecure), false, true,
	    "{ \"corp.example\" }",
	    "Domains that are not validated, such as internal ones that the "
	    "world's DNS does not know; \".\": none is." },

	{ CONF_LOG, "target", CONF_LOG_TARGET, "stderr", 1, 1024, NULL,
	    IN_CONF(log.target), false, true, "journal",
	    "stderr, journal, or a file (reopened by SIGUSR1)." },
	{ CONF_LOG, "format", CONF_CHOICE, "logfmt", 0, 0, conf_formats,
	    IN_CONF(log.format), false, true, "logfmt",
	    "logfmt or json." },
	{ CONF_LOG, "level", CONF_CHOICE, "info", 0, 0, conf_levels,
	    IN_CONF(log.level), false, true, "info",
	    "The least important lines that are written: debug, info, warn, "
	    "error, alarm." },
	{ CONF_LOG, "topics", CONF_TEXT, "", 0, 1024, NULL,
	    IN_CONF(log.topics), false, true, "",
	    "Debugging: topics, separated by commas, or all." },

	{ CONF_TLS, "certificate", CONF_FILES, NULL, 1, 1024, NULL,
	    IN_CONF(certificates), false, true,
	    "/etc/shoal/mail.example.org.pem",
	    "Certificates with their chains, PEM; several in braces." },
	{ CONF_TLS, "key", CONF_FILES, NULL, 1, 1024, NULL,
	    IN_CONF(certificates), false, true,
	    "/etc/shoal/mail.example.org.key",
	    "Their private keys, in the same order.  Nobody but owner and "
	    "group may read them." },

	{ CONF_LISTEN, "protocol", CONF_WORD, NULL, 0, 0, conf_protocols,
	    IN_LISTEN(protocol), true, true, "imaps",
	    "smtp, submission, submissions, lmtp, imap, imaps, pop3, pop3s, "
	    "https (how mail programs set themselves up), health (/health/live, "
	    "/health/ready, /metrics) or agent (HAProxy's agent-check)." },
	{ CONF_LISTEN, "address", CONF_ADDRESSES, NULL, 1, 1024, NULL,
	    IN_LISTEN_N(addresses), true, true,
	    "{ \"0.0.0.0:993\", \"[::]:993\" }",
	    "Where to listen: ADDRESS:PORT, [IPV6]:PORT, *:PORT (both), or "
	    "unix:/PATH." },
	{ CONF_LISTEN, "proxy", CONF_NETWORKS, NULL, 1, 1024, NULL,
	    IN_LISTEN_N(proxy), false, true, "{ \"10.0.0.10\" }",
	    "Balancers that send the PROXY header (v1 or v2): addresses or "
	    "ADDRESS/BITS.  From them it is required, from others refused." },
	{ CONF_LISTEN, "allow", CONF_NETWORKS, NULL, 1, 1024, NULL,
	    IN_LISTEN_N(allow), false, true, "{ \"10.0.0.0/24\", \"unix\" }",
	    "Who may connect: addresses, ADDRESS/BITS or unix.  Default: "
	    "anybody." },
	{ CONF_LISTEN, "fallback", CONF_CHOICE, "no", 0, 0, conf_noyes,
	    IN_LISTEN(fallback), false, true, "yes",
	    "yes: an MX of higher preference value, for when the others are "
	    "down.  What comes there although they are not is mostly spam, so "
	    "clients need a name that leads back to their address, senders a "
	    "domain that takes mail, and fewer messages a minute are taken." },
	{ CONF_LISTEN, "mode", CONF_MODE, "0660", 0, 0777, NULL,
	    IN_LISTEN(mode), false, true, "0660",
	    "Mode of a Unix socket, octal." },
	{ CONF_LISTEN, "group", CONF_TEXT, NULL, 1, 256, NULL,
	    IN_LISTEN(group), false, true, "postfix",
	    "Group of a Unix socket.  Default: the workers'." },
};
/* clang-format on */
const unsigned conf_table_n = countof(conf_table);

bool
conf_type_is_list(enum conf_type type)
{
	return type >= CONF_ADDRESSES;
}
