/* password_crypt.c - yescrypt and older hashes, in the offload pool */
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "storage/password_private.h"

#define PASSWORD_COST_MAX 11 /* of yescrypt in crypt(5) */

void
password_crypt_setting(unsigned cost, const unsigned char rbytes[16],
    char setting_r[PASSWORD_HASH_MAX + 1])
{
	if (cost < PASSWORD_COST_MIN)
		cost = PASSWORD_COST_MIN;
	if (cost > PASSWORD_COST_MAX)
		cost = PASSWORD_COST_MAX;
	if (crypt_gensalt_rn("$y$", cost, (const char *)rbytes, 16, setting_r,
		PASSWORD_HASH_MAX + 1) == NULL)
		panic("this libcrypt has no yescrypt");
}

/* Memory of its own: the thread sees nothing else. */
struct password_job {
	char clear[2][PASSWORD_MAX + 1]; /* prepared; as sent */
	char setting[PASSWORD_HASH_MAX + 1];
	char hash_r[PASSWORD_HASH_MAX + 1];
	const struct password_salt *salt; /* NULL: no keys */
	struct str prepared;
	unsigned char stored_key_r[32], server_key_r[32];
	bool ok_r, unsupported_r;
};

static struct password_job *
password_job_new(void)
{
	return xcalloc(1, sizeof(struct password_job));
}

static void
password_job_free(struct password_job **j)
{
	crypto_wipe(*j, sizeof(**j));
	free(*j);
	*j = NULL;
}

/* false: the method is not supported. */
static bool
blocking_password_hash(const char *clear, const char *setting,
    char hash_r[PASSWORD_HASH_MAX + 1])
{
	struct crypt_data *d = xcalloc(1, sizeof(*d));
	const char *h;
	bool ok;

	h = crypt_rn(clear, setting, d, sizeof(*d));
	ok = h != NULL && h[0] != '*' && strlen(h) <= PASSWORD_HASH_MAX;
	if (ok)
		strcpy(hash_r, h);
	crypto_wipe(d, sizeof(*d));
	free(d);
	return ok;
}

static may_yield void
password_offload(struct task *t, struct offload *o, void (*fn)(void *arg),
    struct password_job *j)
{
	if (o == NULL)
		fn(j);
	else
		offload_run(t, o, fn, j);
}

static void
blocking_password_make(void *arg)
{
	struct password_job *j = arg;

	j->ok_r = blocking_password_hash(j->clear[0], j->setting, j->hash_r);
	blocking_password_scram(j->prepared, j->salt, j->stored_key_r,
	    j->server_key_r);
}

struct err *
password_make(struct task *t, struct offload *o, struct str clear,
    unsigned cost, const struct password_salt *salt, struct password *p_r)
{
	struct arena *a = task_arena(t);
	struct password_job *j;
	unsigned char rbytes[16];
	struct str prepared;
	struct err *e;

	*p_r = (struct password){ .hash = STR_NONE };
	e = password_prepare(a, clear, &prepared);
	if (e != NULL)
		return e;
	if (prepared.n > PASSWORD_MAX)
		return err_new(a, ERR_INVALID, "the password is too long",
		    NULL);
	j = password_job_new();
	memcpy(j->clear[0], prepared.p, prepared.n);
	j->prepared = str_of(j->clear[0], prepared.n);
	j->salt = salt;
	task_random(t, rbytes, sizeof(rbytes));
	password_crypt_setting(cost, rbytes, j->setting);
	password_offload(t, o, blocking_password_make, j);
	if (j->ok_r) {
		p_r->hash = arena_str(a, str_c(j->hash_r));
		p_r->has_scram = true;
		p_r->salt = *salt;
		memcpy(p_r->stored_key, j->stored_key_r, 32);
		memcpy(p_r->server_key, j->server_key_r, 32);
	} else {
		e = err_new(a, ERR_SYSTEM, "the password cannot be hashed",
		    "yescrypt failed");
	}
	password_job_free(&j);
	return e;
}

static void
blocking_password_verify(void *arg)
{
	struct password_job *j = arg;
	size_t n = strlen(j->setting);
	unsigned i;

	/* The second form only where others made the hash, and differs. */
	for (i = 0; i < 2 && !j->ok_r && !j->unsupported_r; i++) {
		if (j->clear[i][0] == '\0')
			continue;
		if (!blocking_password_hash(j->clear[i], j->setting, j->hash_r))
			j->unsupported_r = true;
		else
			j->ok_r = strlen(j->hash_r) == n &&
				  crypto_equal(j->hash_r, j->setting, n);
	}
}

static void
password_verify_fill(struct task *t, struct password_job *j, struct str clear,
    const struct password *p)
{
	static const unsigned char none[16];
	struct str prepared = STR_NONE;
	struct err *e;

	e = password_prepare(task_arena(t), clear, &prepared);
	if (e == NULL && prepared.n <= PASSWORD_MAX)
		memcpy(j->clear[0], prepared.p, prepared.n);
	if (clear.n <= PASSWORD_MAX && memchr(clear.p, 0, clear.n) == NULL &&
	    !str_starts(p->hash, STR("$y$")) && !str_eq(clear, prepared))
		memcpy(j->clear[1], clear.p, clear.n);
	/* Something must be hashed, to take as long as always. */
	if (j->clear[0][0] == '\0' && j->clear[1][0] == '\0')
		strcpy(j->clear[0], "\001");
	if (p->hash.n > 0 && p->hash.n <= PASSWORD_HASH_MAX)
		memcpy(j->setting, p->hash.p, p->hash.n);
	else
		password_crypt_setting(PASSWORD_COST, none, j->setting);
}

struct err *
password_verify(struct task *t, struct offload *o, struct str clear,
    const struct password *p, bool *ok_r)
{
	struct err *e = NULL;
	struct password_job *j;

	*ok_r = false;
	if (clear.p == NULL)
		clear = STR("");
	j = password_job_new();
	password_verify_fill(t, j, clear, p);
	password_offload(t, o, blocking_password_verify, j);
	*ok_r = j->ok_r && p->hash.n > 0;
	if (j->unsupported_r)
		e = err_new(task_arena(t), ERR_SYSTEM,
		    "the password's hash has a method that is not supported "
		    "here",
		    NULL);
	password_job_free(&j);
	return e;
}
