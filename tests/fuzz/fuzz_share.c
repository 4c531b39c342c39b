/* fuzz_share.c - URLs, mount tables and SHOAL files, from anywhere */
#include <stdlib.h>

#include "storage/share/share_id.h"
#include "storage/share/share_mount.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void
fuzz_url(struct arena *a, const char *text)
{
	struct share_url u;
	struct err *e = share_url_parse(a, text, &u);

	if (e != NULL)
		return;
	invariant(u.path[0] == '/' && (!u.nfs || u.host[0] != '\0'));
	invariant(
	    strstr(u.path, "//") == NULL && strstr(u.path, "/../") == NULL);
	invariant(*share_url_name(a, &u) != '\0');
}

static void
fuzz_mount(struct str text)
{
	static const char *const paths[] = { "/", "/mnt", "/mnt/v4/deep/er",
		"/mail/two/x" };

	for (unsigned i = 0; i < countof(paths); i++) {
		struct share_url u = { .nfs = false };
		char fstype[64];

		if (share_mount_find(text, paths[i], &u, fstype))
			invariant(
			    u.nfs && u.host[0] != '\0' && u.path[0] == '/');
	}
}

/* What is read and written again reads the same. */
static void
fuzz_id(struct arena *a, struct str text)
{
	struct share_id id, back;
	struct err *e = share_id_parse(a, text, &id);

	if (e != NULL)
		return;
	invariant(share_id_parse(a, share_id_format(a, &id), &back) == NULL);
	invariant(memcmp(id.uuid, back.uuid, 16) == 0);
	invariant(id.profile == back.profile && id.format == back.format);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a;
	struct str text;

	if (n < 1)
		return 0;
	a = arena_new(0);
	text = str_of(data + 1, n - 1);
	switch (data[0] % 3) {
	case 0:
		fuzz_url(a, arena_cstr(a, text));
		break;
	case 1:
		fuzz_mount(text);
		break;
	default:
		fuzz_id(a, text);
		break;
	}
	arena_free(&a);
	return 0;
}
