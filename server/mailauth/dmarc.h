/* dmarc.h - DMARC (RFC 7489): does the author's domain vouch for this? */
#ifndef SERVER_MAILAUTH_DMARC_H
#define SERVER_MAILAUTH_DMARC_H

#include "server/mailauth/dkim.h"
#include "server/mailauth/spf.h"

/*
 * dmarc_find() may be asked as soon as the header is there; dmarc_judge() at
 * the end, when DKIM's results are final.  The organizational domain comes from
 * the Public Suffix List (libpsl, dmarc_psl.c is its door).  pct is honoured
 * with the message's random number; sp for subdomains.
 */
enum dmarc_policy { DMARC_P_NONE, DMARC_P_QUARANTINE, DMARC_P_REJECT };
enum dmarc_result {
	DMARC_NONE, /* no record */
	DMARC_PASS,
	DMARC_FAIL,
	DMARC_TEMPERROR,
	DMARC_PERMERROR /* no, or several, or unusable From */
};
const char *dmarc_result_name(enum dmarc_result r);
const char *dmarc_policy_name(enum dmarc_policy p);

struct dmarc {
	struct str domain; /* of From; empty: none */
	/* There are several: From fields (one that not everybody would find
	 * counts), or domains in one.  Which of them a reader is shown nobody
	 * knows, so no policy protects it. */
	bool several;
	enum dmarc_result result;
	enum dmarc_policy policy; /* what its owner asks for, if it fails */
	bool strict_dkim, strict_spf;
	unsigned percent;
	const char *why;
};
/* header: as in dkim.h. In the task's arena. */
may_yield void dmarc_find(struct task *t, struct dns *d, struct str header,
    struct dmarc *m_r);
/* result PASS or FAIL, if there was a record; TEMPERROR if nothing passed and
 * an aligned identifier could not be checked now. */
void dmarc_judge(struct arena *a, struct dmarc *m, const struct spf *spf,
    const struct dkim_verify *dkim);
/* "example.co.uk" of "a.b.example.co.uk". */
struct str dmarc_organization(struct arena *a, struct str domain);

#endif
