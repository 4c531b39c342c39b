/* dns_rig.h - a table in place of the Domain Name System */
#ifndef TESTS_UNIT_DNS_RIG_H
#define TESTS_UNIT_DNS_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/dns/dns_private.h"
#include "server/dns/dns_rdata.h"

/*
 *	static const struct dns_rig_row rows[] = {
 *		{ "example.org", DNS_MX, "10 mx.example.org" },
 *		{ "mx.example.org", DNS_A, "192.0.2.1" },
 *		{ "mx.example.org", DNS_AAAA, "2001:db8::1" },
 *		{ "example.org", DNS_TXT, "v=spf1 mx -all" },
 *		{ "1.2.0.192.in-addr.arpa", DNS_PTR, "mx.example.org" },
 *		{ "www.example.org", DNS_CNAME, "mx.example.org" },
 *		{ "slow.example.org", DNS_A, NULL, DNS_TEMP },
 *	};
 *	struct dns *d = dns_rig_new(sched, rows, countof(rows));
 *
 * A name with other types is DNS_NO_DATA, one without rows DNS_NO_DOMAIN.  A
 * TXT's text is cut into strings at '\n' and after 255 bytes.  text NULL: the
 * status.  Every answer comes after delay_ms (0: 1) of the scheduler's time;
 * one of DNS_RIG_NEVER does not come.  Link server/dns/dns.c, dns_rdata.c and
 * server/net/addr.c, or SERVER_LIBS.
 */
#define DNS_RIG_NEVER UINT32_MAX

struct dns_rig_row {
	const char *name; /* lower case */
	enum dns_type type;
	const char *text;
	enum dns_status status;
	uint32_t delay_ms;
	bool secure;
};

struct dns_rig {
	struct dns d; /* first */
	const struct dns_rig_row *rows;
	size_t rows_n;
	unsigned asked;	     /* questions so far */
	unsigned cancelled;  /* by who waited */
	char last[256 + 16]; /* the last one: "name type" */
};

struct dns_rig_late {
	struct dns_rig *rig;
	struct dns_ask *q;
	struct timer tm;
	enum dns_status status;
};

static inline struct dns_rig *
dns_rig_of(struct dns *d)
{
	return (struct dns_rig *)d;
}

static inline void
dns_rig_txt(struct dns_ask *q, const char *text)
{
	struct buf b;
	struct str rest = str_c(text), line, piece;

	buf_init(&b, q->arena, 65535);
	if (rest.n == 0)
		buf_char(&b, '\0');
	while (str_split(&rest, '\n', &line)) {
		do {
			piece = str_sub(line, 0, 255);
			buf_char(&b, (char)piece.n);
			buf_str_add(&b, piece);
			line = str_sub(line, piece.n, line.n);
		} while (line.n > 0);
	}
	invariant(buf_ok(&b));
	dns_ask_rdata(q, b.p, b.n);
}

/* "10 mx.example.org", "1 2 443 host", "host", with so many numbers. */
static inline void
dns_rig_numbers(struct dns_ask *q, const char *text, unsigned numbers)
{
	struct str rest = str_c(text), word;
	struct buf b;
	uint32_t v;

	buf_init(&b, q->arena, 65535);
	for (unsigned i = 0; i < numbers; i++) {
		invariant(str_split(&rest, ' ', &word) && str_u32(word, &v));
		buf_char(&b, (char)(v >> 8));
		buf_char(&b, (char)v);
	}
	if (str_eq_c(rest, "."))
		rest.n = 0;
	invariant(dns_name_wire(rest, &b));
	dns_ask_rdata(q, b.p, b.n);
}

static inline void
dns_rig_record(struct dns_ask *q, const struct dns_rig_row *row)
{
	struct net_addr ad;

	switch (row->type) {
	case DNS_A:
	case DNS_AAAA:
		invariant(net_addr_parse(str_c(row->text), &ad));
		dns_ask_rdata(q, ad.ip, row->type == DNS_A ? 4 : 16);
		break;
	case DNS_TXT:
		dns_rig_txt(q, row->text);
		break;
	case DNS_MX:
		dns_rig_numbers(q, row->text, 1);
		break;
	case DNS_SRV:
		dns_rig_numbers(q, row->text, 3);
		break;
	default:
		dns_rig_numbers(q, row->text, 0);
	}
}

static inline enum dns_status
dns_rig_look(struct dns_rig *r, struct dns_ask *q, const char *name,
    uint32_t *delay_ms_r, unsigned depth)
{
	enum dns_status status = DNS_NO_DOMAIN;

	for (size_t i = 0; i < r->rows_n; i++) {
		const struct dns_rig_row *row = &r->rows[i];

		if (strcmp(row->name, name) != 0)
			continue;
		if (row->type == DNS_CNAME && q->type != DNS_CNAME &&
		    row->text != NULL && depth < 8)
			return dns_rig_look(r, q, row->text, delay_ms_r,
			    depth + 1);
		if (status == DNS_NO_DOMAIN)
			status = DNS_NO_DATA;
		if (row->type != q->type)
			continue;
		if (row->delay_ms > *delay_ms_r)
			*delay_ms_r = row->delay_ms;
		if (row->text == NULL)
			return row->status;
		status = DNS_FOUND;
		q->answer.secure = row->secure;
		dns_rig_record(q, row);
	}
	return status;
}

static inline void
dns_rig_answer(struct timer *tm, void *arg)
{
	struct dns_rig_late *late = arg;

	(void)tm;
	late->q->backend = NULL;
	late->q->answer.ttl_s = 300;
	dns_ask_done(&late->rig->d, late->q, late->status,
	    late->status == DNS_TEMP	? "the table says so"
	    : late->status == DNS_BOGUS ? "the table says bogus"
					: NULL);
	free(late);
}

static inline void
dns_rig_ask(struct dns *d, struct dns_ask *q)
{
	struct dns_rig *r = dns_rig_of(d);
	struct dns_rig_late *late = xcalloc(1, sizeof(*late));
	uint32_t delay_ms = 1;

	r->asked++;
	snprintf(r->last, sizeof(r->last), STR_FMT " %d", STR_ARG(q->name),
	    (int)q->type);
	late->rig = r;
	late->q = q;
	q->backend = late;
	late->status =
	    dns_rig_look(r, q, arena_cstr(q->arena, q->name), &delay_ms, 0);
	if (delay_ms != DNS_RIG_NEVER)
		timer_set(d->sched, &late->tm, delay_ms, dns_rig_answer, late);
}

static inline void
dns_rig_cancel(struct dns *d, struct dns_ask *q)
{
	struct dns_rig_late *late = q->backend;

	dns_rig_of(d)->cancelled++;
	timer_cancel(d->sched, &late->tm);
	free(late);
}

static inline void
dns_rig_free(struct dns *d)
{
	free(dns_rig_of(d));
}

static inline struct dns *
dns_rig_new(struct sched *s, const struct dns_rig_row *rows, size_t n)
{
	static const struct dns_backend backend = { dns_rig_ask, dns_rig_cancel,
		dns_rig_free };
	struct dns_rig *r = xcalloc(1, sizeof(*r));

	r->d.backend = &backend;
	r->d.sched = s;
	r->rows = rows;
	r->rows_n = n;
	return &r->d;
}

#endif
