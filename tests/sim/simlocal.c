/* simlocal.c - a node's local directory, as far as its identity needs it */
#include "simlocal.h"

struct sim_disk *
sim_disk(struct sim_node *n)
{
	struct sim_disk *d = n->kept;

	if (d == NULL) {
		d = xcalloc(1, sizeof(*d));
		d->ino = 100 + n->id;
		n->kept = d;
	}
	return d;
}

static struct err *
sim_local_lock(struct arena *a, void *arg, uint64_t *dev_r, uint64_t *ino_r)
{
	struct sim_disk *d = sim_disk(arg);

	if (d->locked)
		return err_new(a, ERR_CONFLICT, "locked", NULL);
	d->locked = true;
	*dev_r = 1;
	*ino_r = d->ino;
	return NULL;
}

static void
sim_local_unlock(void *arg)
{
	sim_disk(arg)->locked = false;
}

static struct err *
sim_local_load(struct arena *a, void *arg, struct str *text_r)
{
	struct sim_disk *d = sim_disk(arg);

	if (d->id_n == 0)
		return err_new(a, ERR_NOENT, "no id yet", NULL);
	*text_r = arena_str(a, str_of(d->id, d->id_n));
	return NULL;
}

static struct err *
sim_local_store(struct arena *a, void *arg, struct str text)
{
	struct sim_disk *d = sim_disk(arg);

	if (text.n > sizeof(d->id))
		return err_new(a, ERR_LIMIT, "too long", NULL);
	memcpy(d->id, text.p, text.n);
	d->id_n = text.n;
	return NULL;
}

static struct err *
sim_local_boot_id(struct arena *a, void *arg, struct str *id_r)
{
	*id_r = arena_str(a, str_c(((struct sim_node *)arg)->boot_id));
	return NULL;
}

struct node_local
sim_local(struct sim_node *n)
{
	return (struct node_local){ .lock = sim_local_lock,
		.unlock = sim_local_unlock,
		.load = sim_local_load,
		.store = sim_local_store,
		.boot_id = sim_local_boot_id,
		.arg = n };
}

void
sim_local_died(struct sim_node *n)
{
	if (n->kept != NULL)
		sim_disk(n)->locked = false;
}
