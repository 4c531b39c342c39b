/* worker_room.c - worker 0: whether the share has room for more mail */
#include "base/log.h"
#include "server/net/counts.h"
#include "server/worker_private.h"
#include "storage/share/store.h"

/*
 * New mail is refused before the share is quite full: leases, flags and
 * removals go on needing a block now and then, and without a lease no node
 * is ready.
 */
#define WORKER_ROOM_BYTES (256ULL << 20) /* or a fiftieth of the share */
#define WORKER_ROOM_FILES 1000
#define WORKER_ROOM_MS 10000
#define WORKER_ROOM_SOON_MS 1000 /* as long as there is little */
#define WORKER_ROOM_LITTLE 16	 /* times that reserve */

static uint64_t
worker_room_reserve(const struct share_fsstat *st)
{
	uint64_t part = st->total_bytes / 50;

	return part < WORKER_ROOM_BYTES ? part : WORKER_ROOM_BYTES;
}

static void
worker_room_say(struct task *t, struct core *c, const struct share_fsstat *st,
    bool full)
{
	if (full == (counts_word(c->w.counts, COUNTS_SHARE_FULL) != 0))
		return;
	if (full)
		log_error(t, "the share is full: no new mail is taken",
		    LOG_U64("free_bytes", st->free_bytes),
		    LOG_U64("free_files", st->free_files));
	else
		log_info(t, "the share has room again",
		    LOG_U64("free_bytes", st->free_bytes));
	counts_word_set(c->w.counts, COUNTS_SHARE_FULL, full);
}

void
worker_room_main(struct task *t, void *arg)
{
	struct core *c = arg;

	for (;;) {
		struct arena_mark mark = arena_mark(task_arena(t));
		struct share_fsstat st;
		uint64_t pause = WORKER_ROOM_MS;
		struct err *e =
		    share_fsstat(t, c->w.store->share, SHARE_LANE_ADMIN, &st);

		/* A server that does not know says nothing (RFC 1813). */
		if (e == NULL && st.total_bytes > 0) {
			uint64_t reserve = worker_room_reserve(&st);
			bool no_files = st.total_files > WORKER_ROOM_FILES &&
					st.free_files < WORKER_ROOM_FILES;

			worker_room_say(t, c, &st,
			    st.free_bytes < reserve || no_files);
			counts_word_set(c->w.counts, COUNTS_SHARE_FREE,
			    st.free_bytes);
			counts_word_set(c->w.counts, COUNTS_SHARE_TOTAL,
			    st.total_bytes);
			counts_word_set(c->w.counts, COUNTS_SHARE_FILES,
			    st.free_files);
			counts_word_set(c->w.counts, COUNTS_SHARE_FILES_OF,
			    st.total_files);
			if (st.free_bytes < reserve * WORKER_ROOM_LITTLE)
				pause = WORKER_ROOM_SOON_MS;
		}
		arena_rewind(task_arena(t), mark);
		task_sleep_ms(t, pause);
	}
}
