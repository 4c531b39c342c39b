/* share init, share check */
#include <unistd.h>

#include "server/ctl/ctl.h"
#include "storage/clusterkey.h"
#include "storage/localdir.h"
#include "storage/mailstore.h"
#include "storage/share/store.h"
#include "storage/state.h"
#include "storage/state_srs.h"

static const struct ctl_option share_init_options[] = {
	{ "durability", CTL_STRING, "PROFILE",
	    "barrier (default) or reply: see the manual" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

static struct err *
share_profile(struct task *t, const struct ctl *c, enum barrier_profile *p_r)
{
	const struct ctl_value *v = ctl_opt(c, "durability");

	*p_r = BARRIER_WRITE;
	if (!v->given || strcmp(v->s, "barrier") == 0)
		return NULL;
	*p_r = BARRIER_REPLY;
	if (strcmp(v->s, "reply") == 0)
		return NULL;
	return err_newf(task_arena(t), ERR_INVALID,
	    "--durability is barrier or reply, not %s", v->s);
}

/* The first entry of the state, the ballast, the key: in this order, so that
 * an init cut off in between is repeated with the same command. */
may_yield static struct err *
share_init_rest(struct task *t, struct ctl *c)
{
	struct state_conf conf = { .store = c->store,
		.offload = c->offload,
		.local = c->local,
		.no_background = true };
	struct mailstore_conf mc = { .store = c->store };
	bool changed;
	struct err *e = clusterkey_load(task_arena(t), c->local, c->store->uuid,
	    &conf.key, NULL);

	if (err_is(e, ERR_NOENT)) {
		clusterkey_make(sched_rnd(task_sched(t)), &conf.key);
		e = clusterkey_store(task_arena(t), c->local, c->store->uuid,
		    &conf.key);
	}
	if (e == NULL)
		e = state_create(t, &conf);
	if (e == NULL)
		e = state_open(t, &conf, &c->state, NULL);
	clusterkey_wipe(&conf.key);
	if (e == NULL) {
		c->mail = mailstore_new(&mc);
		e = mailstore_ballast_ensure(t, c->mail);
	}
	if (e == NULL)
		e = state_srs_ensure(t, c->state, ctl_by(t), &changed);
	return e;
}

/* A share that has SHOAL but no state was left by an init that was cut off. */
may_yield static struct err *
share_is_unfinished(struct task *t, struct ctl *c, struct share *s,
    bool *unfinished_r)
{
	struct share_fh fh;
	struct clusterkey k;
	unsigned char uuid[16];
	struct err *e = share_walk(t, s, SHARE_LANE_ADMIN,
	    STR("state/log/0000000000000001"), &fh, NULL);

	*unfinished_r = false;
	if (e != NULL && e->code != ERR_NOENT)
		return e;
	if (e == NULL)
		return NULL;
	e = clusterkey_load(task_arena(t), c->local, NULL, &k, uuid);
	*unfinished_r = e == NULL;
	clusterkey_wipe(&k);
	err_ignore(e); /* no key, not ours: not our init to finish */
	return NULL;
}

may_yield static struct err *
share_init_run(struct task *t, struct ctl *c)
{
	enum barrier_profile profile;
	unsigned char uuid[16];
	struct share *s;
	bool unfinished = false;
	const char *url = c->argv[0];
	struct err *e = share_profile(t, c, &profile);

	if (e == NULL && c->local == NULL)
		e = err_new(task_arena(t), ERR_INVALID,
		    "give --local DIR: the cluster key is stored there", NULL);
	if (e == NULL)
		e = localdir_check(task_arena(t), c->local, true);
	if (e == NULL)
		e = store_open_backend(t, c->loop, c->offload, url, &s);
	if (e != NULL)
		return e;
	e = store_init(t, s, profile, uuid);
	if (err_is(e, ERR_EXIST)) {
		struct err *e2 = share_is_unfinished(t, c, s, &unfinished);
		if (e2 == NULL && unfinished)
			e = NULL;
	}
	share_close(&s);
	if (e == NULL)
		e = store_open(t, c->loop, c->offload, url, NULL, &c->store);
	if (e == NULL)
		e = share_init_rest(t, c);
	if (e == NULL)
		e = ctl_note_url(t, c, url);
	if (e != NULL)
		return e;
	ctl_say(c, "made a share at %s; its cluster key is in %s/cluster.key",
	    share_name(c->store->share), c->local);
	ctl_note(c, "keep a copy of that file: without it nobody can read the "
		    "secrets in the state");
	return NULL;
}

const struct ctl_command cmd_share_init = {
	.name = "share init",
	.args = "URL",
	.help = "Make an empty directory a share, and the cluster key in DIR",
	.more = "URL is nfs://server/export?uid=N&gid=N, a directory of this "
		"machine, or a path on an NFS mount (whose server Shoal then "
		"talks to itself). --durability reply is for servers that "
		"make metadata stable before they reply, as RFC 1813 demands "
		"(Linux knfsd with sync, filers); barrier costs one write more "
		"per commit and is right for all.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_NOTHING,
	.options = share_init_options,
	.run = share_init_run,
};

may_yield static struct err *
share_check_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "check", "ok", "finding" };
	struct share *other = NULL;
	struct store_finding *f;
	bool all_ok;
	struct err *e = c->argc > 0 ? store_open_backend(t, c->loop, c->offload,
					  c->argv[0], &other)
				    : ctl_open(t, c, CTL_NEED_SHARE);

	if (e == NULL)
		e = store_check(t, other ? other : c->store->share, &f,
		    &all_ok);
	share_close(&other);
	if (e != NULL)
		return e;
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	for (; f != NULL; f = f->next) {
		ctl_out_str(o, str_c(f->name));
		ctl_out_bool(o, f->ok);
		ctl_out_str(o, str_c(f->text));
	}
	e = ctl_out_end(o);
	if (e == NULL && !all_ok)
		c->exit_code = 1;
	return e;
}

const struct ctl_command cmd_share_check = {
	.name = "share check",
	.args = "[URL]",
	.help =
	    "Try everything Shoal needs of the share, and say what is wrong",
	.more = "Of the node's share, or of any place that URL names, also "
		"before share init.",
	.max_args = 1,
	.need = CTL_NEED_NOTHING,
	.run = share_check_run,
};
