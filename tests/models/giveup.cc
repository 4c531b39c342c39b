/*
 * giveup.cc - model 6: a commit whose outcome is unknown, and the word "no".
 *
 * C commits X.  Its requests execute, lose their answers, execute late. Readers
 * apply what they see and keep its bytes; the server crashes and loses what it
 * had not synced; others append.  Who says no removes X's files, and X must
 * never have an effect afterwards; nor may it have one twice.  Redo, fork and
 * appending again are the rules that rollback.cc shows to be needed, in one
 * step a node.  No checkpoints here.
 */
#include "explore.h"

enum { M = 7, READERS = 2 };
/* Who an entry is of.  NOOP + k: C's k-th way to give up. */
enum {
	BASE = 1,
	X,
	OTHER1,
	OTHER2,
	FORGET,
	VOID, // of X, by a sweep of orphans
	NOOP,
	NOOPS = 3
};
enum {
	SAYS = 1,  // the NOOP that gives up voids X's txid
	ALSO = 2,  // it is sent too when the number turned out to be another's
		   // on a new connection
	HOLD = 4,  // after a FORGET an outcome that was open stays unknown
	ORDER = 8, // HOLD is asked before VOID
	BARRIER = 16, // the profile: a commit ends with a barrier
	FORG = 32,    // tombstones may be forgotten
	SWEEP = 64,   // orphans may be voided
	BREAK = 128,  // C's connection may break without a crash
	OLD = 256, // what is as old as what was forgotten is not appended again
	SPOOL = 512, // C may write X down and go on later: then it does not
		     // know any more what it sent
	SEEN = 1024  // what refuses, a VOID that was read, is durable first
};
enum { NONE, YES, NO, UNKNOWN }; // C's word
static int R;
struct E {
	u8 tx, pv;
};
struct Node {
	E v[M + 1];
	u8 h, ep, kept, again, at; // kept: by number; again: txids, by bit; at:
				   // X's number, which is to be again
};
struct S {
	E v[M + 1], d[M + 1];
	Node n[1 + READERS]; // C first
	u8 ep, crashes, others, forgets, sweeps, breaks;
	// C's transaction: open number and what was sent to it on which head;
	// the connection of the first sending that may turn up
	u8 open, what, prev, conn, sent, noops, giving, verify, word, spooled;
	E late;
	u8 late_at;
};
typedef Explorer<S> Ex;
/* Replayed state. */
struct V {
	bool known, voided;
	int effects, forgot; // upto
};
static V
replay(const E *v, int n)
{
	V r = { false, false, 0, 0 };

	for (int i = 1; i <= n; i++) {
		u8 tx = v[i].tx;

		if (tx == X) {
			r.effects += !r.known && !r.voided;
			r.known |= !r.voided;
		} else if (tx == VOID || (tx >= NOOP && (R & SAYS))) {
			r.voided |= !r.known;
		} else if (tx == FORGET) {
			r.known = r.voided = false;
			r.forgot = i - 1;
		}
	}
	return r;
}
static int
top(const E *v)
{
	int n = 1;

	while (n < M && v[n + 1].tx && v[n + 1].pv == v[n].tx)
		n++;
	return n;
}
static bool
has(const E *v, int n, u8 tx)
{
	for (int i = 1; i <= n; i++)
		if (v[i].tx == tx)
			return true;
	return false;
}
static const char *
check(const S &s)
{
	int n = top(s.v);
	V v = replay(s.v, n);

	if (s.word == NO && v.effects)
		return "C said no, and the entry has an effect";
	if (v.effects > 1)
		return "one entry had its effect twice";
	if (s.word == YES && !has(s.v, n, X) && (R & BARRIER))
		return "acknowledged entry lost";
	return nullptr;
}
static void
settled(S &s) // what C sent is decided
{
	s.open = s.what = s.prev = s.sent = 0;
}
static void
word(S &s, u8 w)
{
	s.word = w;
	settled(s);
	s.giving = s.conn = s.noops = s.spooled = 0;
}
static void
fork_(S &s, Node &x)
{
	E old[M + 1];
	u8 kept = x.kept;
	int n = top(s.v);

	memcpy(old, x.v, sizeof old);
	memset(x.v, 0, sizeof x.v);
	memcpy(x.v, s.v, (n + 1) * sizeof(E));
	x.h = n;
	x.kept = (2 << n) - 4; // read from the log, so kept
	for (int k = 2; k <= M; k++)
		if ((kept >> k & 1) && !has(x.v, n, old[k].tx) &&
		    (old[k].tx < NOOP || (R & SAYS))) {
			x.again |= 1 << (old[k].tx - X);
			if (old[k].tx == X)
				x.at = k;
		}
}
/* On a new connection: what is kept, and the head, ascending. */
static Label
redo(S &s, Node &x)
{
	for (int k = 2; k <= x.h; k++) {
		bool kept = x.kept >> k & 1;

		if (!kept && k != x.h)
			continue;
		if (s.v[k].tx == x.v[k].tx)
			continue;
		if (s.v[k].tx || !kept || s.v[k - 1].tx != x.v[k - 1].tx) {
			fork_(s, x);
			return fmt("fork at %d", k);
		}
		s.v[k] = x.v[k];
	}
	return "redo done";
}
static void
apply(S &s, Node &x, E e)
{
	x.v[++x.h] = e;
	x.kept |= 1 << x.h;
	if (R & BARRIER) // is called by who commits; a reader undoes it
		memcpy(s.d, s.v, sizeof s.d);
}
/* What every node does. */
static void
node(const S &s0, int i, const Ex::Emit &emit)
{
	static const char *const names[] = { "C: ", "R1: ", "R2: " };
	const Node &x = s0.n[i];
	Label w(names[i]);
	int n = x.h + 1;

	if (n <= M && s0.v[n].tx) {
		S s = s0;
		Node &y = s.n[i];
		E e = s.v[n];

		if (e.pv != x.v[x.h].tx) {
			fork_(s, y);
			emit(s, w + fmt("reads %d: fork", n), check(s));
			return;
		}
		apply(s, y, e);
		memcpy(s.d, s0.d, sizeof s.d);
		emit(s, w + fmt("applies %d (txid %d)", n, e.tx), check(s));
	} else if (x.again && n <= M) {
		S s = s0;
		Node &y = s.n[i];
		V v = replay(x.v, x.h);
		u8 tx = X;

		while (!(x.again >> (tx - X) & 1))
			tx++;
		y.again &= ~(1 << (tx - X));
		if (tx == X)
			y.at = 0;
		if (tx == X
			? v.known || v.voided || ((R & OLD) && x.at <= v.forgot)
			: has(x.v, x.h, tx)) {
			emit(s, w + fmt("does not append txid %d again", tx),
			    check(s));
			return;
		}
		s.v[n] = { tx, x.v[x.h].tx };
		apply(s, y, s.v[n]);
		emit(s, w + fmt("appends txid %d again as %d", tx, n),
		    check(s));
	}
}
static bool
forgotten(const V &v)
{
	return v.forgot > 0 && (R & HOLD);
}
/* Something was sent that may be there, or turn up. */
static bool
doubt(const S &s)
{
	return s.open || s.sent;
}
static void
send(const S &s0, const Ex::Emit &emit)
{
	S s = s0;
	Node &c = s.n[0];
	int n = c.h + 1;
	u8 head = c.v[c.h].tx;

	if (n > M)
		return;
	if (s.giving && (s.what < NOOP || s.open != n || s.prev != head)) {
		if (s.noops == NOOPS)
			return;
		s.what = NOOP + s.noops++;
	} else if (!s.giving)
		s.what = X;
	s.open = n;
	s.prev = head;
	if (!s.sent)
		s.sent = s.conn + 1;
	E e = { s.what, head };
	Label w = fmt(s.giving ? "C: NOOP %d" : "C: SYMLINK %d", n);
	if (!s.v[n].tx) {
		S t = s;

		t.v[n] = e;
		emit(t, w + " executes, no answer", check(t));
		t.verify = e.tx;
		emit(t, w + " OK", check(t));
		if (!s.late_at) {
			t = s;
			t.late = e;
			t.late_at = n;
			emit(t, w + " under way", check(t));
		}
	} else if (s.v[n].tx == s.what || s.v[n].tx == X) {
		s.verify = s.v[n].tx;
		emit(s, w + " EEXIST, ours", check(s));
	} // another's: it is read, above
}
/* One turn of C's commit. */
static void
turn(const S &s0, const Ex::Emit &emit)
{
	S s = s0;
	Node &c = s.n[0];
	V v = replay(c.v, c.h);

	if (v.known) {
		if (R & BARRIER)
			memcpy(s.d, s.v, sizeof s.d);
		word(s, YES);
		emit(s, "C: txid is known: YES", check(s));
		return;
	}
	if (s.open && (c.h + 1 != s.open || c.v[c.h].tx != s.prev)) {
		bool here = s.sent == s.conn + 1 && !forgotten(v);

		s.open = s.what = s.prev = 0;
		if (here || !(R & ALSO))
			s.sent = 0;
	}
	if (!s.open && s.sent && forgotten(v)) {
		word(s, UNKNOWN);
		emit(s, "C: forgotten meanwhile: UNKNOWN", check(s));
		return;
	}
	if (!s.giving) {
		S t = s;

		t.giving = 1;
		emit(t, "C: gives up", check(t));
	} else if (!doubt(s) && s.spooled) {
		s.giving = 0;
		emit(s, "C: not now", check(s));
		return;
	} else if (!doubt(s)) {
		word(s, NO);
		emit(s, "C: gave up: NO", check(s));
		return;
	}
	if (!s.giving && !s.open) {
		bool held = forgotten(v), dead = v.voided;

		if (held && dead && !(R & ORDER))
			held = false;
		if (held || dead) {
			if ((R & SEEN) && (R & BARRIER))
				memcpy(s.d, s.v, sizeof s.d);
			word(s, held && (doubt(s) || s.spooled) ? UNKNOWN : NO);
			emit(s, held ? "C: held" : "C: voided: NO", check(s));
			return;
		}
	}
	send(s, emit);
}
static void
committer(const S &s0, const Ex::Emit &emit)
{
	if (s0.word != NONE)
		return;
	if ((R & SPOOL) && !s0.spooled && doubt(s0)) {
		S s = s0;
		settled(s);
		s.verify = s.giving = 0;
		s.spooled = 1;
		emit(s, "C: spools it, forgets what was sent", check(s));
	}
	if (s0.verify) {
		S s = s0;
		Node &c = s.n[0];
		u8 tx = s.verify;

		s.verify = 0;
		apply(s, c, s.v[c.h + 1]);
		settled(s);
		if (tx == X)
			word(s, YES);
		emit(s, tx == X ? "C: verified: YES" : "C: NOOP verified",
		    check(s));
		return;
	}
	if (!s0.n[0].again)
		turn(s0, emit);
}
static void
server(const S &s0, const Ex::Emit &emit)
{
	int n = top(s0.v);

	if (s0.late_at) {
		S s = s0;

		if (!s.v[s.late_at].tx) {
			s.v[s.late_at] = s.late;
			emit(s, fmt("late entry %d executes", s.late_at),
			    check(s));
		}
	}
	if (memcmp(s0.v, s0.d, sizeof s0.v)) {
		S s = s0;

		memcpy(s.d, s.v, sizeof s.d);
		emit(s, "(server syncs)", check(s));
	}
	if (s0.crashes) {
		S s = s0;

		memcpy(s.v, s.d, sizeof s.v);
		s.ep++;
		s.crashes--;
		s.late = { 0, 0 };
		s.late_at = 0;
		emit(s, "SERVER CRASHES, what was not synced is lost",
		    check(s));
	}
	if (n == M || s0.v[n + 1].tx)
		return;
	V v = replay(s0.v, n);
	auto append = [&](S s, u8 tx, const Label &l) {
		s.v[n + 1] = { tx, s.v[n].tx };
		emit(s, l, check(s));
	};
	if (s0.others) {
		S s = s0;

		append(s, OTHER1 + --s.others, "others append an entry");
	}
	if (s0.forgets && (v.known || v.voided)) {
		S s = s0;

		s.forgets--;
		append(s, FORGET, "FORGET");
	}
	if (s0.sweeps && !v.known && !v.voided) {
		S s = s0;

		s.sweeps--;
		append(s, VOID, "orphans: VOID");
	}
}
static void
succ(const S &s0, const Ex::Emit &emit)
{
	server(s0, emit);
	for (int i = 0; i <= READERS; i++) {
		bool broken = s0.n[i].ep != s0.ep;

		if (broken || (i == 0 && s0.breaks && s0.word == NONE)) {
			S s = s0;
			Label l = "";

			s.n[i].ep = s.ep;
			if (!broken)
				s.breaks--;
			if (i == 0 && s.word == NONE) {
				s.conn++;
				s.verify = 0;
			}
			l = redo(s, s.n[i]);
			emit(s, fmt(i ? "R%d" : "C", i) + " reconnects: " + l,
			    check(s));
		}
		if (broken)
			continue;
		if (i || !s0.verify)
			node(s0, i, emit);
		if (i == 0)
			committer(s0, emit);
	}
}
int
main(int argc, char **argv)
{
	Options o(argc, argv);
	Ex x;
	const int ALL = SAYS | ALSO | HOLD | ORDER | OLD | SEEN;
	const int OPEN = FORG | SWEEP | SPOOL;
	const struct {
		const char *name;
		int rules, crashes, others;
		Expect expect;
		Cost cost;
	} variants[] = {
		{ "plain-noop", BARRIER, 1, 0, BREAKS, QUICK },
		{ "noop-voids", SAYS | BARRIER, 1, 1, BREAKS, QUICK },
		{ "void-also-when-anothers", SAYS | ALSO | BARRIER, 1, 1, HOLDS,
		    QUICK },
		{ "only-when-anothers", ALSO | BARRIER, 1, 1, BREAKS, QUICK },
		{ "reply-plain-noop", ALSO, 1, 1, BREAKS, QUICK },
		{ "reply-noop-voids", SAYS, 1, 1, BREAKS, QUICK },
		{ "reply-void-also-when-anothers", SAYS | ALSO, 1, 1, HOLDS,
		    QUICK },
		{ "forget-is-a-verdict", SAYS | ALSO | FORG | BARRIER, 1, 1,
		    BREAKS, QUICK },
		{ "void-before-hold", (ALL & ~ORDER) | OPEN | BARRIER, 1, 1,
		    BREAKS, QUICK },
		{ "again-after-forget", (ALL & ~OLD) | OPEN | BARRIER, 1, 1,
		    BREAKS, QUICK },
		{ "void-seen-not-durable", (ALL & ~SEEN) | SWEEP | BARRIER, 2,
		    0, BREAKS, QUICK },
		{ "void-seen-durable", ALL | SWEEP | BARRIER, 2, 0, HOLDS,
		    QUICK },
		{ "hold-before-void", ALL | OPEN | BARRIER, 1, 1, HOLDS, FULL },
		{ "everything", ALL | OPEN | BREAK | BARRIER, 2, 2, HOLDS,
		    QUICK },
	};

	x.limit = 6000000;
	for (auto &v : variants) {
		S s;

		if (!o.wants(v.name, v.cost))
			continue;
		R = v.rules;
		memset(&s, 0, sizeof s);
		s.v[1] = s.d[1] = { BASE, 0 };
		for (auto &n : s.n) {
			n.h = 1;
			n.v[1] = s.v[1];
		}
		s.crashes = v.crashes;
		s.others = v.others;
		s.forgets = (R & FORG) != 0;
		s.sweeps = (R & SWEEP) != 0;
		s.breaks = (R & BREAK) != 0;
		x.check(o, "giveup", v.name, s, succ, v.expect);
	}
	return o.failed != 0;
}
