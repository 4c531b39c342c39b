/* metrics.c - what this node counts, for Prometheus */
#include "server/http/metrics.h"

#include "server/cluster/health.h"
#include "server/net/counts.h"
#include "server/worker.h"

static void
metrics_head(struct buf *b, const char *name, const char *type,
    const char *help)
{
	buf_fmt(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
metrics_gauge(struct buf *b, const char *name, const char *help, double v)
{
	metrics_head(b, name, "gauge", help);
	buf_fmt(b, "%s %.15g\n", name, v);
}

/* A label's value: \, " and newline are escaped. */
static void
metrics_label(struct buf *b, const char *v)
{
	for (; *v != '\0'; v++) {
		if (*v == '\n') {
			buf_c(b, "\\n");
			continue;
		}
		if (*v == '\\' || *v == '"')
			buf_char(b, '\\');
		buf_char(b, *v);
	}
}

static void
metrics_node(struct buf *b, const struct worker *w)
{
	uint64_t expires = counts_word(w->counts, COUNTS_CERT_EXPIRES);
	uint64_t age = counts_word(w->counts, COUNTS_LEASE_AGE_MS);
	const char *why;
	enum health_state now = health_now(w, &why);

	metrics_head(b, "shoal_info", "gauge", "Always 1, with names.");
	buf_c(b, "shoal_info{node=\"");
	metrics_label(b, w->conf->node);
	buf_c(b, "\",version=\"" PACKAGE_VERSION "\"} 1\n");
	metrics_gauge(b, "shoal_workers", "Worker processes.",
	    counts_workers(w->counts));
	metrics_gauge(b, "shoal_ready", "1 if the node should get connections.",
	    now == HEALTH_READY);
	metrics_gauge(b, "shoal_draining", "1 while the node is drained.",
	    now == HEALTH_DRAINING);
	metrics_gauge(b, "shoal_weight_percent",
	    "Weight the node asks a balancer for.",
	    (double)counts_word(w->counts, COUNTS_READY_LOAD));
	if (age != UINT64_MAX)
		metrics_gauge(b, "shoal_lease_age_seconds",
		    "Since the last confirmed renewal of the node's lease.",
		    (double)age / 1e3);
	metrics_gauge(b, "shoal_share_latency_seconds",
	    "Of the last probe of the share.",
	    (double)counts_word(w->counts, COUNTS_LATENCY_US) / 1e6);
	metrics_gauge(b, "shoal_share_free_bytes", "Free on the share.",
	    (double)counts_word(w->counts, COUNTS_SHARE_FREE));
	metrics_gauge(b, "shoal_share_full",
	    "1 while no new mail is taken for want of room.",
	    (double)counts_word(w->counts, COUNTS_SHARE_FULL));
	metrics_gauge(b, "shoal_state_entry",
	    "Entry of the state this node's replica is at.",
	    (double)counts_word(w->counts, COUNTS_STATE_SEQ));
	metrics_gauge(b, "shoal_certificate_self_signed",
	    "1 while clients get the self-signed certificate.",
	    (double)counts_word(w->counts, COUNTS_CERT_SELF));
	if (expires > 0)
		metrics_gauge(b, "shoal_certificate_expiry_timestamp_seconds",
		    "When the first certificate in use expires.",
		    (double)expires);
}

void
metrics_print(struct buf *b, const struct worker *w)
{
	for (unsigned i = 0; i < STATS; i++) {
		const struct stat_desc *d = &stat_table[i];
		metrics_head(b, d->name, d->gauge ? "gauge" : "counter",
		    d->help);
		buf_fmt(b, "%s %llu\n", d->name,
		    (unsigned long long)stat_sum(w->counts, (enum stat_id)i));
	}
	metrics_node(b, w);
}
