/* queue_state.h - the messages of one bucket, as its entries add up to them */
#ifndef STORAGE_QUEUE_STATE_H
#define STORAGE_QUEUE_STATE_H

#include "storage/queue_ops.h"

/*
 * Memory only: no share, no tasks.  Rows are in the order of their entries;
 * they are found by name through a table.  A row is a piece of heap of its own
 * and does not move; it goes when its last recipient is done.
 */
#define QUEUE_MARK_S 21600 /* at most one mark in this time */
#define QUEUE_MARKS 64

struct queue_mark {
	uint64_t seq;
	uint32_t time;
};

struct queue_row;

struct queue_bucket_state {
	unsigned bucket; /* for ids */
	struct queue_row **rows;
	unsigned n, size;
	struct queue_row **table; /* open addressing */
	unsigned table_size;
	uint64_t order; /* of the newest row */
	uint64_t bytes;
	struct queue_mark marks[QUEUE_MARKS];
	unsigned mark_n;
	uint64_t forgotten;
};

void queue_state_init(struct queue_bucket_state *s, unsigned bucket);
void queue_state_free(struct queue_bucket_state *s);
void queue_state_reset(struct queue_bucket_state *s);

struct queue_message *queue_state_nth(const struct queue_bucket_state *s,
    unsigned i);
struct queue_message *queue_state_find(const struct queue_bucket_state *s,
    const struct queue_name *name);
/* A copy of m becomes the newest row; NULL: its name is a row. */
struct queue_message *queue_state_add(struct queue_bucket_state *s,
    const struct queue_message *m, uint64_t seq);
void queue_state_set_answer(struct queue_rcpt *r, struct str answer,
    struct str node);
void queue_state_mark_add(struct queue_bucket_state *s, uint64_t seq,
    uint32_t time);

/* Replays one entry. */
void queue_state_apply(struct queue_bucket_state *s, const struct queue_op *ops,
    unsigned n, uint64_t seq);
/* Totals after these operations on top of the present state. */
void queue_state_totals(const struct queue_bucket_state *s,
    const struct queue_op *ops, unsigned n, struct queue_totals *tt_r);
/* Whether these outcomes leave none of m's recipients waiting. */
bool queue_state_finishes(const struct queue_message *m,
    const struct queue_op *ops, unsigned n);

#endif
