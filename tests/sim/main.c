/* main.c - sim: run seeds, each in a process of its own, and tell what failed
 */
#include "sim.h"

#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/safeguard.h"

/*
 *	sim --seeds N --from S [--jobs J] [--workload W]
 *	sim --seed S [--workload W] [--verbose]
 *	sim --break RULE --seeds N	exit 0 when a violation was found
 *	sim --mutants --seeds N		the same for every rule
 *
 * One `ok NAME` or `not ok NAME` a workload; a failing seed's last events are
 * printed.  A seed runs in a child, so that an abort fails this seed alone.
 */
#define MAIN_LINES 70
#define MAIN_LINES_MAX 20000
#define MAIN_CPU_S 60
#define MAIN_FAILURES 5 /* traces printed in full */
#define MAIN_JOBS_MAX 64

unsigned long safeguard_off;

static const struct sim_workload *const main_workloads[] = {
	&workload_share,
	&workload_journal,
	&workload_lease,
	&workload_account,
	&workload_state,
	&workload_queue,
};

/* Each rule, and where its absence shows soonest. */
static const struct {
	const char *name, *workload, *profile;
} main_rules[SAFEGUARDS] = {
	[SAFE_VERIFY_CKPT] = { "VERIFY_CKPT", "journal", "holes" },
	[SAFE_READER_RULE] = { "READER_RULE", "journal", "holes" },
	[SAFE_ONE_CONN] = { "ONE_CONN", "journal", "forget" },
	[SAFE_OWN_TXID] = { "OWN_TXID", "journal", NULL },
	[SAFE_VERIFIED_NOOP] = { "VERIFIED_NOOP", "journal", "holes" },
	[SAFE_NEWEST_ENTRY] = { "NEWEST_ENTRY", "journal", "holes" },
	[SAFE_TOMBSTONES] = { "TOMBSTONES", "account", NULL },
	[SAFE_FORGET] = { "FORGET", "journal", NULL },
	[SAFE_VOID] = { "VOID", "account", NULL },
	[SAFE_REDO_ORDER] = { "REDO_ORDER", "journal", "forget" },
	[SAFE_FIRST_SENDING] = { "FIRST_SENDING", "lease", "drift" },
	[SAFE_LEASE_READDIR] = { "LEASE_READDIR", "lease", NULL },
	[SAFE_CLAIM] = { "CLAIM", "lease", NULL },
	[SAFE_QUEUE_TOKEN] = { "QUEUE_TOKEN", "queue", "zombie" },
	[SAFE_QUEUE_DSN] = { "QUEUE_DSN", "queue", NULL },
};

struct main_opt {
	uint64_t from, seeds;
	unsigned jobs, lines;
	const char *workload, *profile;
	bool one, verbose, broken, timing, mutants;
};

/* What a child leaves behind. */
struct main_result {
	uint64_t hash, steps;
	char verdict[SIM_LINE];
};

struct main_job {
	pid_t pid;
	uint64_t seed;
	char *ring;
	struct main_result *result; /* shared */
};

struct main_sum {
	uint64_t run[countof(main_workloads)], failed[countof(main_workloads)];
	uint64_t failures, steps, first_failure;
	uint64_t hash;
	char verdict[SIM_LINE]; /* of the first failure */
};

/* Which workload a seed is for: a fixed mix. */
static unsigned
main_workload_of(const struct main_opt *o, uint64_t seed)
{
	unsigned total = 0, at;

	for (unsigned i = 0; i < countof(main_workloads); i++) {
		if (o->workload != NULL &&
		    strcmp(o->workload, main_workloads[i]->name) == 0)
			return i;
		total += main_workloads[i]->weight;
	}
	at = (unsigned)(seed * 7 % total);
	for (unsigned i = 0;; i++) {
		if (at < main_workloads[i]->weight)
			return i;
		at -= main_workloads[i]->weight;
	}
}

static void
main_log_line(void *arg, enum log_level level, struct str line)
{
	struct sim_world *w = arg;

	(void)level;
	if (line.n > 0 && line.p[line.n - 1] == '\n')
		line.n--;
	sim_say(w, NULL, "log: " STR_FMT, STR_ARG(line));
}

/* The nodes' disks, in memory if possible; named by the process, so that
 * whoever saw it end can remove it. */
static void
main_local_name(pid_t pid, char *path_r, size_t size)
{
	snprintf(path_r, size, "%s/shoal-sim-%ld",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)pid);
}

static int
main_local_unlink(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
main_local_remove(pid_t pid)
{
	char path[64];

	main_local_name(pid, path, sizeof(path));
	nftw(path, main_local_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *
main_local_make(void)
{
	static char path[64];

	main_local_remove(getpid());
	main_local_name(getpid(), path, sizeof(path));
	if (mkdir(path, 0700) != 0) {
		fprintf(stderr, "sim: %s: %s\n", path, strerror(errno));
		_Exit(2);
	}
	return path;
}

static void
main_seed(const struct main_opt *o, uint64_t seed, struct main_result *result)
{
	struct sim_world *w = xcalloc(1, sizeof(*w));

	w->seed = seed;
	w->workload = main_workloads[main_workload_of(o, seed)];
	w->profile = o->profile;
	if (w->workload->wants_disk)
		w->local = main_local_make();
	log_set_sink(main_log_line, w);
	log_set_level(sim_tracing ? LOG_INFO_ : LOG_ALARM_);
	sim_run(w);
	result->hash = w->hash;
	result->steps = w->steps;
}

static void
main_child(const struct main_opt *o, const struct main_job *j)
{
	struct rlimit cpu = { MAIN_CPU_S, MAIN_CPU_S + 5 };
	struct rlimit core = { 0, 0 };

	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
	if (j->ring != NULL)
		sim_trace_to(j->ring, o->lines);
	sim_verdict_to(j->result->verdict);
	main_seed(o, j->seed, j->result);
	fflush(stdout);
	_Exit(0);
}

static void *
main_shared(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		fprintf(stderr, "sim: mmap: %s\n", strerror(errno));
		exit(2);
	}
	return p;
}

static const char *
main_ending(int status)
{
	static char text[64];

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return "too slow";
	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "%s", strsignal(WTERMSIG(status)));
	else
		snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(status));
	return text;
}

static void
main_print_ring(const char *ring, unsigned size)
{
	unsigned n = *(const unsigned *)ring;
	unsigned from = n > size ? n - size : 0;

	for (unsigned i = from; i < n; i++)
		printf("#   %.*s\n", SIM_LINE,
		    ring + SIM_LINE * (1 + i % size));
}

/* The same seed again, now with its trace kept; and printed. */
static void
main_explain(const struct main_opt *o, uint64_t seed)
{
	struct main_job j = { .seed = seed };
	int status;

	j.ring = main_shared((size_t)SIM_LINE * (o->lines + 1));
	j.result = main_shared(4096);
	fflush(stdout);
	j.pid = fork();
	if (j.pid == 0) {
		sim_tracing = true;
		main_child(o, &j);
	}
	waitpid(j.pid, &status, 0);
	main_local_remove(j.pid);
	main_print_ring(j.ring, o->lines);
	if (status == 0)
		printf("#   (did not fail when it was replayed)\n");
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
		printf("#   ended by: %s\n", main_ending(status));
	munmap(j.ring, (size_t)SIM_LINE * (o->lines + 1));
	munmap(j.result, 4096);
}

static void
main_ended(const struct main_opt *o, struct main_sum *s, struct main_job *j,
    int status)
{
	unsigned i = main_workload_of(o, j->seed);

	s->run[i]++;
	s->steps += j->result->steps;
	s->hash ^= j->result->hash;
	if (o->timing)
		printf("# seed %llu %s %llu steps %016llx\n",
		    (unsigned long long)j->seed, main_workloads[i]->name,
		    (unsigned long long)j->result->steps,
		    (unsigned long long)j->result->hash);
	if (status == 0)
		return;
	s->failed[i]++;
	if (s->failures++ == 0 || j->seed < s->first_failure) {
		s->first_failure = j->seed;
		snprintf(s->verdict, sizeof(s->verdict), "%s",
		    *j->result->verdict ? j->result->verdict
					: main_ending(status));
	}
	if (o->broken)
		return;
	printf("# %s: seed %llu failed: %s\n", main_workloads[i]->name,
	    (unsigned long long)j->seed,
	    *j->result->verdict ? j->result->verdict : main_ending(status));
	if (s->failures <= MAIN_FAILURES) {
		main_explain(o, j->seed);
		printf("# replay: sim --seed %llu%s%s --verbose\n",
		    (unsigned long long)j->seed,
		    o->workload ? " --workload " : "",
		    o->workload ? o->workload : "");
	}
	fflush(stdout);
}

static void
main_start(const struct main_opt *o, struct main_job *j, uint64_t seed)
{
	j->seed = seed;
	memset(j->result, 0, sizeof(*j->result));
	fflush(stdout);
	j->pid = fork();
	if (j->pid == 0) {
		/* What a dying seed prints is printed when it is explained. */
		if (freopen("/dev/null", "w", stderr) == NULL)
			_Exit(2);
		main_child(o, j);
	}
	if (j->pid < 0) {
		fprintf(stderr, "sim: fork: %s\n", strerror(errno));
		exit(2);
	}
}

static void
main_range(const struct main_opt *o, struct main_sum *s)
{
	struct main_job jobs[MAIN_JOBS_MAX] = { 0 };
	uint64_t next = o->from, end = o->from + o->seeds;
	unsigned running = 0;

	for (unsigned i = 0; i < o->jobs; i++)
		jobs[i].result = main_shared(4096);
	for (;;) {
		int status;
		pid_t pid;

		for (unsigned i = 0; i < o->jobs && next < end; i++) {
			if (jobs[i].pid != 0 || (o->broken && s->failures > 0))
				continue;
			main_start(o, &jobs[i], next++);
			running++;
		}
		if (running == 0)
			break;
		pid = waitpid(-1, &status, 0);
		for (unsigned i = 0; i < o->jobs; i++) {
			if (jobs[i].pid != pid)
				continue;
			main_local_remove(pid);
			jobs[i].pid = 0;
			running--;
			main_ended(o, s, &jobs[i], status);
		}
	}
}

static int
main_usage(void)
{
	fprintf(stderr,
	    "usage: sim [--seeds N] [--from S] [--jobs J] [--workload W]\n"
	    "       sim --seed S [--workload W] [--verbose]\n"
	    "       sim --break RULE [--seeds N] [--workload W]\n"
	    "       sim --mutants [--seeds N]\n"
	    "workloads:\n");
	for (unsigned i = 0; i < countof(main_workloads); i++)
		fprintf(stderr, "  %-10s %s\n", main_workloads[i]->name,
		    main_workloads[i]->about);
	fprintf(stderr, "rules:\n");
	for (unsigned i = 0; i < SAFEGUARDS; i++)
		fprintf(stderr, "  %s\n", main_rules[i].name);
	return 2;
}

static bool
main_break(const char *name)
{
	for (unsigned i = 0; i < SAFEGUARDS; i++) {
		if (strcmp(name, main_rules[i].name) != 0)
			continue;
		safeguard_off |= 1UL << i;
		return true;
	}
	return false;
}

enum {
	OPT_SEEDS = 256,
	OPT_FROM,
	OPT_SEED,
	OPT_JOBS,
	OPT_WORKLOAD,
	OPT_VERBOSE,
	OPT_BREAK,
	OPT_MUTANTS,
	OPT_TIMING,
	OPT_LINES,
	OPT_PROFILE
};

static const struct option main_options[] = {
	{ "seeds", required_argument, NULL, OPT_SEEDS },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "jobs", required_argument, NULL, OPT_JOBS },
	{ "workload", required_argument, NULL, OPT_WORKLOAD },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "verbose", no_argument, NULL, OPT_VERBOSE },
	{ "break", required_argument, NULL, OPT_BREAK },
	{ "mutants", no_argument, NULL, OPT_MUTANTS },
	{ "fingerprints", no_argument, NULL, OPT_TIMING },
	{ "lines", required_argument, NULL, OPT_LINES },
	{ NULL, 0, NULL, 0 },
};

static bool
main_parse(struct main_opt *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", main_options, NULL)) != -1) {
		uint64_t n = 0;

		if (optarg != NULL)
			str_u64(str_c(optarg), &n);
		switch (c) {
		case OPT_SEEDS:
			o->seeds = n;
			break;
		case OPT_FROM:
			o->from = n;
			break;
		case OPT_SEED:
			o->from = n;
			o->seeds = 1;
			o->one = true;
			break;
		case OPT_JOBS:
			o->jobs = (unsigned)n;
			break;
		case OPT_LINES:
			o->lines = (unsigned)n;
			break;
		case OPT_WORKLOAD:
			o->workload = optarg;
			break;
		case OPT_PROFILE:
			o->profile = optarg;
			break;
		case OPT_VERBOSE:
			o->verbose = true;
			break;
		case OPT_MUTANTS:
			o->mutants = true;
			break;
		case OPT_TIMING:
			o->timing = true;
			break;
		case OPT_BREAK:
			if (!main_break(optarg))
				return false;
			o->broken = true;
			break;
		default:
			return false;
		}
	}
	if (o->workload != NULL &&
	    strcmp(main_workloads[main_workload_of(o, 0)]->name, o->workload) !=
		0)
		return false;
	return optind == argc && o->seeds > 0 && o->jobs > 0 &&
	       o->jobs <= MAIN_JOBS_MAX && o->lines > 0 &&
	       o->lines <= MAIN_LINES_MAX;
}

/* Without each rule, one after the other, a violation must be found. */
static int
main_mutants(const struct main_opt *all)
{
	int rc = 0;

	for (unsigned i = 0; i < SAFEGUARDS; i++) {
		struct main_opt o = *all;
		struct main_sum s = { 0 };

		o.broken = true;
		o.workload = main_rules[i].workload;
		o.profile = main_rules[i].profile;
		safeguard_off = 1UL << i;
		main_range(&o, &s);
		if (s.failures > 0)
			printf("ok broken-%s # found after %llu seeds: %s\n",
			    main_rules[i].name,
			    (unsigned long long)(s.first_failure - o.from + 1),
			    s.verdict);
		else
			printf("not ok broken-%s # not found in %llu seeds\n",
			    main_rules[i].name, (unsigned long long)o.seeds);
		if (s.failures == 0)
			rc = 1;
	}
	safeguard_off = 0;
	return rc;
}

static int
main_report(const struct main_opt *o, const struct main_sum *s)
{
	for (unsigned i = 0; i < countof(main_workloads); i++)
		if (s->run[i] > 0)
			printf("%s sim-%s # %llu seeds, %llu failed\n",
			    s->failed[i] == 0 ? "ok" : "not ok",
			    main_workloads[i]->name,
			    (unsigned long long)s->run[i],
			    (unsigned long long)s->failed[i]);
	printf("# %llu steps, fingerprint %016llx%s\n",
	    (unsigned long long)s->steps, (unsigned long long)s->hash,
	    o->broken ? " (broken)" : "");
	return s->failures == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct main_opt o = { .from = 1, .seeds = 2000, .lines = MAIN_LINES };
	struct main_sum s = { 0 };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	o.jobs = cpus > 0 && cpus < MAIN_JOBS_MAX ? (unsigned)cpus : 2;
	if (!main_parse(&o, argc, argv))
		return main_usage();
	if (o.one && o.verbose) {
		static struct main_result result;

		sim_tracing = true;
		main_seed(&o, o.from, &result);
		main_local_remove(getpid());
		printf("ok: %llu steps, fingerprint %016llx\n",
		    (unsigned long long)result.steps,
		    (unsigned long long)result.hash);
		return 0;
	}
	if (o.mutants)
		return main_mutants(&o);
	main_range(&o, &s);
	if (!o.broken)
		return main_report(&o, &s);
	if (s.failures == 0)
		return 1;
	printf("found after %llu seeds: %s\n",
	    (unsigned long long)(s.first_failure - o.from + 1), s.verdict);
	return 0;
}
