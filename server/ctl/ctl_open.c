#include "server/ctl/ctl.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/conf.h"
#include "storage/clusterkey.h"
#include "storage/localdir.h"
#include "storage/mailstore.h"
#include "storage/segcache.h"
#include "storage/share/store.h"
#include "storage/state.h"
#include "storage/state_setting.h"

/* Of segments in DIR/segcache, shared with a node that runs here. */
#define CTL_CACHE_BYTES (1ULL << 30)
#define CTL_URL_FILE "share.url"
#define CTL_URL_MAX 4096

const char *
ctl_by(struct task *t)
{
	const char *who = getenv("SUDO_USER");
	struct passwd *pw = getpwuid(getuid());

	if (who == NULL && pw != NULL)
		who = pw->pw_name;
	return arena_printf(task_arena(t), "ctl:%s", who ? who : "unknown");
}

struct admin
ctl_admin(struct task *t, const struct ctl *c)
{
	return (struct admin){ .store = c->store,
		.state = c->state,
		.mail = c->mail,
		.offload = c->offload,
		.conf = c->conf,
		.by = ctl_by(t) };
}

const struct conf *
ctl_dns_conf(struct task *t, const struct ctl *c)
{
	/* Without a file there are no keys to validate with. */
	static const char *const everything[] = { "." };
	struct conf *plain;

	if (c->conf != NULL)
		return c->conf;
	plain = arena_new_obj(task_arena(t), struct conf);
	*plain = (struct conf){ .dns = { .trust_anchor = "",
				    .insecure = (const char **)everything,
				    .insecure_n = 1 } };
	return plain;
}

struct err *
ctl_note_url(struct task *t, const struct ctl *c, const char *url)
{
	return localdir_put(task_arena(t), c->local, CTL_URL_FILE, url,
	    strlen(url), false);
}

static struct err *
ctl_find_url(struct task *t, struct ctl *c)
{
	struct str url;

	if (c->share_url != NULL)
		return NULL;
	if (c->local == NULL)
		return err_new(task_arena(t), ERR_INVALID,
		    "which share? give --share URL, or --local DIR of a node",
		    NULL);
	struct err *e = localdir_get(task_arena(t), c->local, CTL_URL_FILE,
	    CTL_URL_MAX, &url);
	if (err_is(e, ERR_NOENT))
		return err_newf(task_arena(t), ERR_INVALID,
		    "which share? %s names none: give --share URL", c->local);
	if (e != NULL)
		return e;
	c->share_url = arena_cstr(task_arena(t), str_trim(url));
	return NULL;
}

static struct err *
ctl_need_local(struct task *t, const struct ctl *c)
{
	if (c->local != NULL)
		return localdir_check(task_arena(t), c->local, false);
	return err_new(task_arena(t), ERR_INVALID,
	    "give --local DIR, the node's own directory", NULL);
}

may_yield static struct err *
ctl_open_share(struct task *t, struct ctl *c)
{
	unsigned char uuid[16];
	struct clusterkey k;
	const unsigned char *expect = NULL;
	struct err *e = ctl_find_url(t, c);

	if (e != NULL)
		return e;
	/* A machine that belongs to a cluster knows which share is right. */
	if (c->local != NULL &&
	    clusterkey_load(task_arena(t), c->local, NULL, &k, uuid) == NULL) {
		expect = uuid;
		clusterkey_wipe(&k);
	}
	return store_open(t, c->loop, c->offload, c->share_url, expect,
	    &c->store);
}

may_yield static struct err *
ctl_open_state(struct task *t, struct ctl *c)
{
	struct state_conf conf = {
		.store = c->store,
		.offload = c->offload,
		.local = c->local,
		.no_background = true,
	};
	bool stale = false;
	struct err *e = clusterkey_load(task_arena(t), c->local, c->store->uuid,
	    &conf.key, NULL);

	if (e != NULL)
		return e;
	e = state_open(t, &conf, &c->state, &stale);
	clusterkey_wipe(&conf.key);
	if (e == NULL && stale)
		e = err_new(task_arena(t), ERR_UNAVAIL,
		    "the share does not answer", NULL);
	return e;
}

static void
ctl_open_mail(struct task *t, struct ctl *c)
{
	struct mailstore_conf conf = {
		.store = c->store,
		.cache = segcache_new(c->offload,
		    arena_printf(task_arena(t), "%s/segcache", c->local),
		    CTL_CACHE_BYTES),
		.keep_days = (unsigned)(state_setting_u64(c->state,
					    STATE_TOMBSTONE_KEEP) /
					86400),
	};

	c->cache = conf.cache;
	c->mail = mailstore_new(&conf);
}

struct err *
ctl_open(struct task *t, struct ctl *c, enum ctl_need need)
{
	struct err *e = NULL;

	if (need >= CTL_NEED_STATE)
		e = ctl_need_local(t, c);
	if (e == NULL && need >= CTL_NEED_SHARE)
		e = ctl_open_share(t, c);
	if (e == NULL && need >= CTL_NEED_STATE)
		e = ctl_open_state(t, c);
	if (e == NULL && need >= CTL_NEED_MAIL)
		ctl_open_mail(t, c);
	return e;
}

void
ctl_close(struct task *t, struct ctl *c)
{
	if (c->mail != NULL)
		mailstore_close(t, &c->mail);
	segcache_free(&c->cache);
	if (c->state != NULL) {
		/* Overdue checkpoints: whoever finds them makes them. */
		err_ignore(state_maintain(t, c->state, false));
		state_settle(t, c->state);
		state_close(&c->state);
	}
	if (c->store != NULL)
		store_close(&c->store);
}
