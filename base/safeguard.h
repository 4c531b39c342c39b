/* safeguard.h - the protocol's rules as switches, for proofs only */
#ifndef BASE_SAFEGUARD_H
#define BASE_SAFEGUARD_H

/*
 * Every rule that the simulation is supposed to defend is asked for by name:
 *
 *	if (SAFEGUARD(SAFE_VERIFY_CKPT) && ckpt_top > head) ...
 *
 * In a product build the answer is the constant 1.  The simulation's build
 * (-DSHOAL_BREAKABLE) can switch single rules off and must then find a
 * violation: a proof that it is able to fail.
 */
enum safeguard {
	SAFE_VERIFY_CKPT,	/* READDIR(ckpt) of verify */
	SAFE_READER_RULE,	/* READDIR(ckpt) after reading entries */
	SAFE_ONE_CONN,		/* commit, verify and barrier on one connection */
	SAFE_OWN_TXID,		/* EEXIST: is it ours? */
	SAFE_VERIFIED_NOOP,	/* a NOOP's OK is verified */
	SAFE_NEWEST_ENTRY,	/* the newest entry is never collected */
	SAFE_TOMBSTONES,	/* an ADD whose name is a tombstone is ignored */
	SAFE_FORGET,		/* begun before the newest FORGET: held */
	SAFE_VOID,		/* orphans are voided before they are removed */
	SAFE_REDO_ORDER,	/* redo first, ascending, on its predecessor */
	SAFE_FIRST_SENDING,	/* lease terms count from the first sending */
	SAFE_LEASE_READDIR,	/* lease heads and verdicts from READDIR(log) */
	SAFE_CLAIM,		/* a new holder's first entry is CLAIM */
	SAFE_QUEUE_TOKEN,	/* outcomes of the queue carry their token */
	SAFE_QUEUE_DSN,		/* a DSN is in the entry of its outcome */
	SAFEGUARDS
};

#ifdef SHOAL_BREAKABLE
extern unsigned long safeguard_off;	/* bit set: rule switched off */
#define SAFEGUARD(x) (!(safeguard_off >> (x) & 1))
#else
#define SAFEGUARD(x) 1
#endif

#endif
