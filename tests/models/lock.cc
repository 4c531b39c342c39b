/*
 * lock.cc - model 5: a lock that hangs on a node's session (DESIGN 7).
 *
 * Node 1 holds (or acquires) a lease, nodes/1, and under its session a lock.
 * Node 2 writes nothing there: it looks at nodes/1, concludes that the session
 * named in the lock has ended, and takes the lock in the lock's own journal. So
 * the compare-and-swap that decides between two acquisitions of a lease (model
 * 3) does not help here: a renewal of node 1 that executes after node 2's
 * conclusion is not refused by anything.
 *
 * Time in ticks of 7.5 s: TERM 2, EXPIRE 4.  Node 1's clock may stand still for
 * STOPS ticks (drift).  Calls may take long; replies get lost; the server may
 * crash once and forget what it had not synced, which breaks all connections.
 * The lock's entry itself is always synced (a barrier), the lease's need not
 * be.
 */
#include "explore.h"

enum { TERM = 2, EXP = 4, L = 6 };
enum {
	OVER = 1,  /* a session whose term has passed is over for good */
	FIRST = 2, /* terms count from the first sending */
	FRESH = 4, /* an end is concluded from a READDIR sent after EXPIRE, not
		    * from the passing of time */
	ONECONN = 8, /* stand-still counts on one connection only */
	DURABLE = 16 /* an acquisition is synced before it counts */
};
static int R;

/* Node 1's call: sent, executed, reply under way. */
enum { IDLE, SENT, DONE };

struct S {
	u8 log[L + 1]; /* session named by entry i, 0: none */
	u8 synced;     /* entries up to here survive a crash */
	u8 epoch, crashes, stops, losses;
	/* node 1 */
	u8 h, epoch1, session, left, ph, want, age, lock;
	/* node 2: what it saw, how long ago; a poll under way, and whether it
	 * was sent after EXPIRE */
	u8 seen, who, epoch2, still, asked, fresh, took;
};
typedef Explorer<S> X;

static int
head(const S &s)
{
	int i = L;

	while (i > 0 && s.log[i] == 0)
		i--;
	return i;
}

static void
tick(S &s, bool stopped)
{
	if (!stopped) {
		s.left -= s.left > 0;
		if (s.ph != IDLE && s.age < TERM)
			s.age++;
	}
	if (s.left == 0 && (R & OVER) && s.session != 0) {
		s.session = 0;
		s.ph = IDLE;
	}
	if (s.seen && s.still <= EXP)
		s.still++;
}

static void
node1(const S &s0, const X::Emit &emit)
{
	int g = head(s0);

	if (s0.ph == IDLE && s0.session != 0 && s0.h < L) {
		S s = s0;
		s.ph = SENT;
		s.want = s.session;
		s.age = 0;
		emit(s, fmt("1: renews, sends %d", s.h + 1), nullptr);
	}
	if (s0.ph == IDLE && s0.session == 0 && g < L) {
		S s = s0;
		s.h = g;
		s.ph = SENT;
		s.want = g == 0 ? 1 : s.log[g] + 1;
		s.age = 0;
		if (s.want <= 3)
			emit(s,
			    fmt("1: new session %d, sends %d", s.want, g + 1),
			    nullptr);
	}
	if (s0.ph == SENT) {
		S s = s0;
		if (s.log[s.h + 1] == 0)
			s.log[s.h + 1] = s.want;
		s.ph = DONE;
		if (s.log[s.h + 1] == s.want)
			emit(s, fmt("1: %d executes", s.h + 1), nullptr);
	}
	if (s0.ph == DONE && s0.losses > 0) {
		S s = s0;
		s.losses--;
		s.ph = SENT;
		if (!(R & FIRST))
			s.age = 0;
		emit(s, "1: reply lost, sends it again", nullptr);
	}
	if (s0.ph == DONE && head(s0) == s0.h + 1 && s0.epoch1 == s0.epoch) {
		S s = s0;
		bool acquired = s.session != s.want;
		if (acquired && (R & DURABLE))
			s.synced = s.h + 1;
		s.h++;
		s.ph = IDLE;
		s.left = s.age < TERM ? TERM - s.age : 0;
		s.session = s.left || !(R & OVER) ? s.want : 0;
		s.age = s.want = 0;
		emit(s,
		    acquired ? fmt("1: acquired, session %d", s.session)
			     : fmt("1: renewed"),
		    nullptr);
	}
	if (s0.epoch1 != s0.epoch) {
		S s = s0;
		s.epoch1 = s.epoch;
		if (s.ph == DONE)
			s.ph = SENT; /* re-made: identical bytes again */
		if (head(s) < s.h) { /* forgotten; renews behind what is left */
			s.h = head(s);
			s.ph = IDLE;
		}
		emit(s, "1: reconnects", nullptr);
	}
	if (!s0.lock && !s0.took && s0.left && s0.session) {
		S s = s0;
		s.lock = s.session;
		emit(s, fmt("1: takes the lock, session %d", s.session),
		    nullptr);
	}
}

static void
node2(const S &s0, const X::Emit &emit)
{
	int g = head(s0);

	if (s0.took)
		return;
	if (!s0.asked && s0.epoch2 == s0.epoch) {
		S s = s0;
		s.asked = 1;
		s.fresh = s.still > EXP;
		emit(s, "2: sends a poll", nullptr);
	}
	if (s0.asked && s0.epoch2 == s0.epoch) {
		S s = s0;
		bool same = g == s.seen && s.log[g] == s.who;
		s.asked = s.fresh = 0;
		if (!same) {
			s.seen = g;
			s.who = s.log[g];
			s.still = 0;
		}
		s.took = s.lock &&
			 (s.who != s.lock || ((R & FRESH) && same && s0.fresh));
		emit(s,
		    fmt(s.took ? "2: sees head %d of session %d: ended, takes"
			       : "2: sees head %d of session %d",
			g, s.who),
		    nullptr);
	}
	if (!(R & FRESH) && s0.lock && s0.seen && s0.still > EXP) {
		S s = s0;
		s.took = 1;
		emit(s, "2: time has passed: ended, takes", nullptr);
	}
	if (s0.epoch2 != s0.epoch) {
		S s = s0;
		s.epoch2 = s.epoch;
		s.asked = s.fresh = 0;
		if (R & ONECONN) {
			s.still = 0;
			s.seen = s.who = 0;
		}
		emit(s, "2: reconnects", nullptr);
	}
}

static void
succ(const S &s0, const X::Emit &emit0)
{
	auto emit = [&](const S &s, const Label &l, const char *) {
		bool holds = s.lock && s.left && s.session == s.lock;
		emit0(s, l, s.took && holds ? "two holders" : nullptr);
	};
	{
		S s = s0;
		tick(s, false);
		emit(s, "a tick passes", nullptr);
	}
	if (s0.stops > 0) {
		S s = s0;
		s.stops--;
		tick(s, true);
		emit(s, "a tick passes, the clock of 1 stands still", nullptr);
	}
	if (s0.synced < head(s0)) {
		S s = s0;
		s.synced = head(s);
		emit(s, "(server syncs)", nullptr);
	}
	if (s0.crashes > 0) {
		S s = s0;
		s.crashes--;
		s.epoch++;
		for (int i = s.synced + 1; i <= L; i++)
			s.log[i] = 0;
		emit(s, "SERVER CRASHES, forgets", nullptr);
	}
	node1(s0, emit);
	node2(s0, emit);
}

int
main(int argc, char **argv)
{
	Options o(argc, argv);
	X x;
	const int ALL = OVER | FIRST | FRESH | ONECONN | DURABLE;
	const struct {
		const char *name;
		int rules, stops, losses, crashes;
		Expect expect;
	} variants[] = {
		{ "as-written", FIRST | FRESH, 0, 0, 0, BREAKS },
		{ "all-repairs", ALL, 1, 2, 1, HOLDS },
		{ "without-OVER", ALL & ~OVER, 0, 0, 0, BREAKS },
		{ "without-FIRST", ALL & ~FIRST, 1, 2, 0, BREAKS },
		{ "without-FRESH", ALL & ~FRESH, 0, 0, 0, BREAKS },
		{ "without-ONECONN", ALL & ~ONECONN, 0, 0, 1, BREAKS },
		{ "without-DURABLE", ALL & ~DURABLE, 0, 0, 1, BREAKS },
	};

	for (auto &v : variants) {
		S s;
		if (!o.wants(v.name, QUICK))
			continue;
		memset(&s, 0, sizeof s);
		s.log[1] = s.synced = s.h = 1;
		s.epoch = s.epoch1 = s.epoch2 = 1;
		s.stops = v.stops;
		s.losses = v.losses;
		s.crashes = v.crashes;
		R = v.rules;
		x.check(o, "lock", v.name, s, succ, v.expect);
	}
	return o.failed != 0;
}
