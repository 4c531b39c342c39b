/* spf.h - Sender Policy Framework (RFC 7208) */
#ifndef SERVER_MAILAUTH_SPF_H
#define SERVER_MAILAUTH_SPF_H

#include "base/str.h"
#include "base/task.h"
#include "server/dns/dns.h"
#include "server/net/addr.h"

/*
 * check_host() whole: all mechanisms, modifiers, macros; at most 10 look-ups
 * and 2 void ones (4.6.4), SPF_MS in all.  Of a null sender, postmaster@ the
 * HELO name is checked (2.4).
 */
#define SPF_MS 20000
#define SPF_LOOKUPS_MAX 10
#define SPF_VOID_MAX 2

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR
};
const char *spf_result_name(enum spf_result r); /* "pass" */

struct spf {
	const struct net_addr *ip;
	struct str helo, from; /* from: mailbox; empty: null */
	struct str receiver;   /* our host name, for the macro r */
	/* out, in the task's arena */
	enum spf_result result;
	struct str domain;	/* that was checked */
	bool is_helo;		/* it was the HELO name */
	struct str explanation; /* of SPF_FAIL: exp=, printable; or empty */
	struct str why;		/* for people: "10 look-ups were not enough" */
};
may_yield void spf_check(struct task *t, struct dns *d, struct spf *s);

#endif
