/* deliver_sink.c - where the bytes of a message go: mailbox or queue */
#include "server/queue/queue.h"
#include "server/smtp/deliver_private.h"
#include "server/worker.h"

bool
deliver_is_by_queue(const struct deliver *d)
{
	return d->elsewhere_n > 0 || d->success;
}

struct err *
deliver_sink_begin(struct task *t, struct deliver *d)
{
	if (!deliver_is_by_queue(d))
		return message_writer_begin(t, d->accounts[0].acc, NULL,
		    &d->writer);
	return queue_writer_begin(t, d->w->queue_store, queue_bucket_for(d->w),
	    &d->queued);
}

bool
deliver_sink_is_open(const struct deliver *d)
{
	return d->writer != NULL || d->queued != NULL;
}

/* Its flag in the queue (QUEUE_8BIT): of all bytes, ours among them. */
static void
deliver_sink_look(struct deliver *d, const void *p, size_t n)
{
	const unsigned char *c = p;
	unsigned char all = 0;

	for (size_t i = 0; i < n; i++)
		all |= c[i];
	d->eight |= all > 127;
}

struct err *
deliver_sink_add(struct task *t, struct deliver *d, const void *p, size_t n)
{
	if (d->queued != NULL) {
		deliver_sink_look(d, p, n);
		return queue_writer_add(t, d->queued, p, n);
	}
	return message_writer_add(t, d->writer, p, n);
}

struct err *
deliver_sink_reserve(struct task *t, struct deliver *d, size_t n,
    uint64_t *place_r)
{
	if (d->queued != NULL)
		return queue_writer_reserve(t, d->queued, n, place_r);
	return message_writer_reserve(t, d->writer, n, place_r);
}

struct err *
deliver_sink_fill(struct task *t, struct deliver *d, uint64_t place,
    struct str text)
{
	if (d->queued != NULL) {
		deliver_sink_look(d, text.p, text.n);
		return queue_writer_fill(t, d->queued, place, text);
	}
	return message_writer_fill(t, d->writer, place, text);
}

void
deliver_sink_abort(struct task *t, struct deliver *d)
{
	if (d->writer != NULL)
		message_writer_abort(t, &d->writer);
	if (d->queued != NULL)
		queue_writer_abort(t, &d->queued);
}
