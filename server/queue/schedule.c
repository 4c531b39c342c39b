/* schedule.c - when the queue tries again, where, and how much at once */
#include "server/queue/schedule.h"

#include <stdlib.h>

#include "base/arena.h"

#define SCHEDULE_TABLE 1024

/* --- time --- */

int64_t
schedule_end_s(const struct schedule *s, int64_t arrived_s)
{
	return arrived_s + s->lifetime_s;
}

int64_t
schedule_next_s(const struct schedule *s, unsigned tries, int64_t arrived_s,
    int64_t now_s, uint64_t random)
{
	int64_t wait = s->first_s, spread, at;
	int64_t end = schedule_end_s(s, arrived_s);

	for (unsigned i = 1; i < tries && wait < s->max_s; i++)
		wait *= 2;
	if (wait > s->max_s)
		wait = s->max_s;
	spread = wait / 4;
	if (spread > 0)
		wait += (int64_t)(random % (uint64_t)(spread + 1)) - spread / 2;
	at = now_s + (wait > 0 ? wait : 1);
	/* a last try before it is given up */
	if (now_s < end && at > end)
		at = end;
	return at;
}

bool
schedule_is_over(const struct schedule *s, int64_t arrived_s, int64_t now_s)
{
	return now_s >= schedule_end_s(s, arrived_s);
}

bool
schedule_is_late(const struct schedule *s, int64_t arrived_s, int64_t now_s)
{
	return s->notice_s > 0 && now_s >= arrived_s + s->notice_s &&
	       !schedule_is_over(s, arrived_s, now_s);
}

bool
schedule_is_due(const struct queue_rcpt *r, int64_t now_s)
{
	return r->state == QUEUE_WAITING && r->next_s <= now_s;
}

/* --- destinations --- */

struct dests {
	struct dest *table[SCHEDULE_TABLE];
	unsigned n;
};

struct dests *
dests_new(void)
{
	return xcalloc(1, sizeof(struct dests));
}

void
dests_free(struct dests **dsp)
{
	struct dests *ds = *dsp;

	*dsp = NULL;
	for (unsigned i = 0; ds != NULL && i < SCHEDULE_TABLE; i++)
		while (ds->table[i] != NULL) {
			struct dest *d = ds->table[i];

			ds->table[i] = d->next;
			free(d->jobs);
			free(d);
		}
	free(ds);
}

struct dest *
dests_find(const struct dests *ds, struct str name)
{
	struct dest *d = ds->table[str_hash(name) % SCHEDULE_TABLE];

	while (d != NULL && !str_eq_c(name, d->name))
		d = d->next;
	return d;
}

struct dest *
dests_get(struct dests *ds, struct str name)
{
	struct dest *d = dests_find(ds, name), **place;

	if (d != NULL)
		return d;
	invariant(name.n < SCHEDULE_DEST_MAX);
	d = xcalloc(1, sizeof(*d));
	task_cond_init(&d->more);
	if (name.n > 0)
		memcpy(d->name, name.p, name.n);
	place = &ds->table[str_hash(name) % SCHEDULE_TABLE];
	d->next = *place;
	*place = d;
	ds->n++;
	return d;
}

void
dests_learn(struct dests *ds, struct str name, const struct queue_rcpt *r,
    int64_t now_s)
{
	struct dest *d;

	/* code 0 and tried: no host answered */
	if (r->state != QUEUE_WAITING || r->code != 0 || r->tried_s == 0 ||
	    r->next_s <= now_s || name.n == 0)
		return;
	d = dests_get(ds, name);
	if (d->until_s < r->next_s)
		d->until_s = r->next_s;
}

void
dest_clear(struct dest *d)
{
	d->until_s = 0;
}

unsigned
dest_jobs(const struct dest *d)
{
	return d->jobs_n - d->jobs_at;
}

bool
dest_push(struct dest *d, const struct dest_job *j)
{
	if (d->jobs == NULL)
		d->jobs = xcalloc(DEST_JOBS, sizeof(*d->jobs));
	if (d->jobs_n == DEST_JOBS)
		return false;
	d->jobs[d->jobs_n++] = *j;
	return true;
}

bool
dest_pop(struct dest *d, struct dest_job *j)
{
	if (dest_jobs(d) == 0)
		return false;
	*j = d->jobs[d->jobs_at++];
	return true;
}

void
dest_empty(struct dest *d)
{
	d->jobs_at = d->jobs_n = 0;
}

void
dests_wake(struct dests *ds)
{
	for (unsigned i = 0; i < SCHEDULE_TABLE; i++)
		for (struct dest *d = ds->table[i]; d != NULL; d = d->next)
			task_cond_broadcast(&d->more);
}

void
dests_trim(struct dests *ds, int64_t now_s)
{
	for (unsigned i = 0; i < SCHEDULE_TABLE; i++) {
		struct dest **place = &ds->table[i], *d;

		while ((d = *place) != NULL) {
			if (d->running > 0 || d->until_s > now_s ||
			    dest_jobs(d) > 0) {
				place = &d->next;
				continue;
			}
			*place = d->next;
			free(d->jobs);
			free(d);
			ds->n--;
		}
	}
}

unsigned
dests_count(const struct dests *ds)
{
	return ds->n;
}

bool
schedule_dest(struct str address, char name_r[SCHEDULE_DEST_MAX])
{
	size_t at = address.n, n = 0;

	while (at > 0 && address.p[at - 1] != '@')
		at--;
	if (at == 0 || at == address.n)
		return false;
	for (; at < address.n && n < SCHEDULE_DEST_MAX - 1; at++) {
		char c = address.p[at];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c == '\0')
			return false;
		name_r[n++] = c;
	}
	name_r[n] = '\0';
	return true;
}

/* --- sharing out --- */

/* FNV-1a alone moves little in its high bits for the last byte: splitmix64's
 * finish spreads it. */
static uint64_t
schedule_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

unsigned
schedule_owner(unsigned bucket, const struct str *ids, unsigned n)
{
	unsigned best = 0;
	uint64_t top = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t v =
		    schedule_mix(str_hash(ids[i]) ^ schedule_mix(bucket + 1));

		if (i == 0 || v > top ||
		    (v == top && str_cmp(ids[i], ids[best]) > 0)) {
			best = i;
			top = v;
		}
	}
	return best;
}
