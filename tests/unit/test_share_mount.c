/* test_share_mount.c - URLs, recorded mount tables, export lists */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "storage/share/share_mount.h"

static void
test_url(void **state)
{
	static const struct {
		const char *text;
		bool nfs;
		const char *host, *path;
		unsigned nfs_port, mount_port, uid, gid;
		const char *name;
	} good[] = {
		{ "nfs://10.0.0.5/export/mail?uid=990&gid=991", true,
		    "10.0.0.5", "/export/mail", 0, 0, 990, 991,
		    "nfs://10.0.0.5/export/mail" },
		{ "nfs://filer:2050/x/?nfsport=2051&mountport=20048", true,
		    "filer", "/x", 2051, 20048, 0, 0, "nfs://filer/x" },
		{ "nfs://[fd00::5]:2049/x//y", true, "fd00::5", "/x/y", 2049, 0,
		    0, 0, "nfs://[fd00::5]/x/y" },
		{ "nfs://h/", true, "h", "/", 0, 0, 0, 0, "nfs://h/" },
		{ "nfs://h/a%20b%3fc", true, "h", "/a b?c", 0, 0, 0, 0,
		    "nfs://h/a b?c" },
		{ "/srv/mail", false, "", "/srv/mail", 0, 0, 0, 0,
		    "/srv/mail" },
		{ "/srv/a%20b/?uid=7", false, "", "/srv/a%20b", 0, 0, 7, 0,
		    "/srv/a%20b" },
	};
	static const char *const bad[] = { "", "srv/mail", "nfs://", "nfs://h",
		"nfs:///x", "nfs://h:0/x", "nfs://h:99999/x", "nfs://h:1x/x",
		"nfs://[fd00::5/x", "nfs://[fd00::5]x/x", "nfs://h/x?uid",
		"nfs://h/x?uid=", "nfs://h/x?uid=-1",
		"nfs://h/x?uid=5000000000", "nfs://h/x?user=1",
		"nfs://h/x?nfsport=0", "nfs://h/x%2", "nfs://h/x%00y",
		"nfs://h/../x", "/a/../b", "/a/./b", "nfs://h h/x",
		"http://h/x" };
	struct arena *a = arena_new(0);
	struct share_url u;

	(void)state;
	for (unsigned i = 0; i < countof(good); i++) {
		struct err *e = share_url_parse(a, good[i].text, &u);

		if (e != NULL)
			fail_msg("%u: %s", i, e->text);
		if (u.nfs != good[i].nfs || strcmp(u.host, good[i].host) != 0 ||
		    strcmp(u.path, good[i].path) != 0 ||
		    u.nfs_port != good[i].nfs_port ||
		    u.mount_port != good[i].mount_port ||
		    u.uid != good[i].uid || u.gid != good[i].gid ||
		    strcmp(share_url_name(a, &u), good[i].name) != 0)
			fail_msg("%u: %s is %s %s %u %u %u %u", i, good[i].text,
			    u.host, u.path, u.nfs_port, u.mount_port, u.uid,
			    u.gid);
	}
	for (unsigned i = 0; i < countof(bad); i++) {
		struct err *e = share_url_parse(a, bad[i], &u);

		if (!err_is(e, ERR_INVALID))
			fail_msg("%u: \"%s\" was taken", i, bad[i]);
	}
	arena_free(&a);
}

/* Debian 12, an NFSv3 and two NFSv4 mounts, one below the other, bind mounts.
 */
static const char table_debian[] =
    "22 29 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
    "29 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 "
    "rw,errors=remount-ro\n"
    "35 29 254:2 / /srv rw,relatime shared:2 - ext4 /dev/vda2 rw\n"
    "301 29 0:45 / /mnt/v3 rw,relatime shared:150 - nfs filer:/vol/mail "
    "rw,vers=3,rsize=1048576,wsize=1048576,namlen=255,hard,proto=tcp,"
    "timeo=600,retrans=2,sec=sys,mountaddr=10.0.0.5,mountvers=3,"
    "mountport=635,mountproto=udp,local_lock=none,addr=10.0.0.5\n"
    "310 29 0:48 / /mnt/v4 rw,relatime shared:160 - nfs4 filer:/mail "
    "rw,vers=4.2,rsize=262144,port=20490,proto=tcp,clientaddr=10.0.0.9,"
    "addr=10.0.0.6\n"
    "311 310 0:49 / /mnt/v4/deep rw,relatime shared:161 - nfs4 "
    "filer:/mail/deep rw,vers=4.2,addr=10.0.0.6\n"
    /* the kernel shows a bind mount's directory in the source */
    "320 29 0:45 / /mail/store rw,relatime shared:150 - nfs "
    "filer:/vol/mail/shoal rw,vers=3,addr=10.0.0.5\n"
    /* others show it as root */
    "321 29 0:45 /shoal/two /mail/two rw shared:150 - nfs filer:/vol/mail "
    "rw,vers=3,addr=10.0.0.5\n"
    /* mount points and sources with blanks, a tab and a backslash */
    "330 29 0:50 / /mnt/with\\040blank\\011tab\\134end rw - nfs "
    "filer:/vol/my\\040mail rw,vers=3,addr=10.0.0.5\n"
    /* one on top of the other: the later one counts */
    "340 29 254:3 / /mnt/twice rw shared:9 - ext4 /dev/vdb rw\n"
    "341 340 0:51 / /mnt/twice rw shared:10 - nfs other:/x rw,vers=3,"
    "addr=10.0.0.7\n"
    "350 29 0:52 / /mnt/over rw - nfs filer:/under rw,vers=3,addr=10.0.0.5\n"
    "351 350 254:4 / /mnt/over rw - xfs /dev/vdc rw\n"
    /* no optional fields, several of them, IPv6 */
    "360 29 0:53 / /mnt/six rw shared:5 master:6 propagate_from:2 - nfs "
    "[fd00::5]:/vol/mail rw,vers=3,proto=tcp6,addr=fd00::5\n"
    /* port=0 is the kernel's word for rpcbind */
    "370 29 0:54 / /mnt/zero rw - nfs filer:/vol/z rw,vers=3,port=0,"
    "mountport=0,addr=10.0.0.5\n"
    /* a source that is none */
    "380 29 0:55 / /mnt/odd rw - nfs nonsense rw,vers=3\n"
    "391 29 0:56 / /mnt/root4 rw - nfs4 filer:/ rw,vers=4.1,addr=10.0.0.6\n"
    "garbage\n"
    "1 2 3\n";

static void
test_mounts(void **state)
{
	static const struct {
		const char *path;
		const char *host, *export; /* host NULL: not NFS */
		unsigned nfs_port, mount_port;
		bool v4;
		const char *fstype;
	} cases[] = {
		{ "/srv/mail", NULL, NULL, 0, 0, false, "ext4" },
		{ "/", NULL, NULL, 0, 0, false, "ext4" },
		{ "/mnt", NULL, NULL, 0, 0, false, "ext4" },
		{ "/mnt/v3", "10.0.0.5", "/vol/mail", 0, 635, false, "nfs" },
		{ "/mnt/v3/a/b", "10.0.0.5", "/vol/mail/a/b", 0, 635, false,
		    "nfs" },
		{ "/mnt/v3x", NULL, NULL, 0, 0, false, "ext4" },
		{ "/mnt/v4/a", "10.0.0.6", "/mail/a", 20490, 0, true, "nfs4" },
		{ "/mnt/v4/deep/er", "10.0.0.6", "/mail/deep/er", 0, 0, true,
		    "nfs4" },
		{ "/mnt/v4/deeper", "10.0.0.6", "/mail/deeper", 20490, 0, true,
		    "nfs4" },
		{ "/mail/store/x", "10.0.0.5", "/vol/mail/shoal/x", 0, 0, false,
		    "nfs" },
		{ "/mail/two/x", "10.0.0.5", "/vol/mail/shoal/two/x", 0, 0,
		    false, "nfs" },
		{ "/mnt/with blank\ttab\\end/in", "10.0.0.5", "/vol/my mail/in",
		    0, 0, false, "nfs" },
		{ "/mnt/twice", "10.0.0.7", "/x", 0, 0, false, "nfs" },
		{ "/mnt/over/x", NULL, NULL, 0, 0, false, "xfs" },
		{ "/mnt/six", "fd00::5", "/vol/mail", 0, 0, false, "nfs" },
		{ "/mnt/zero", "10.0.0.5", "/vol/z", 0, 0, false, "nfs" },
		{ "/mnt/odd", NULL, NULL, 0, 0, false, "nfs" },
		{ "/mnt/root4", "10.0.0.6", "/", 0, 0, true, "nfs4" },
		{ "/mnt/root4/m", "10.0.0.6", "/m", 0, 0, true, "nfs4" },
	};

	(void)state;
	for (unsigned i = 0; i < countof(cases); i++) {
		struct share_url u = { .uid = 990, .have_uid = true };
		char fstype[64];
		bool nfs = share_mount_find(str_c(table_debian), cases[i].path,
		    &u, fstype);

		if (nfs != (cases[i].host != NULL) ||
		    strcmp(fstype, cases[i].fstype) != 0)
			fail_msg("%u: %s lies on %s", i, cases[i].path, fstype);
		assert_int_equal(u.uid, 990);
		if (nfs && (strcmp(u.host, cases[i].host) != 0 ||
			       strcmp(u.path, cases[i].export) != 0 ||
			       u.nfs_port != cases[i].nfs_port ||
			       u.mount_port != cases[i].mount_port ||
			       u.v4path != cases[i].v4 || !u.nfs))
			fail_msg("%u: %s is %s:%s %u %u %d", i, cases[i].path,
			    u.host, u.path, u.nfs_port, u.mount_port, u.v4path);
	}
}

/* What the URL's query says goes before what the mount table says. */
static void
test_query_wins(void **state)
{
	struct share_url u = { .nfs_port = 2049, .mount_port = 20048 };
	char fstype[64];

	(void)state;
	assert_true(
	    share_mount_find(str_c(table_debian), "/mnt/v3", &u, fstype));
	assert_int_equal(u.nfs_port, 2049);
	assert_int_equal(u.mount_port, 20048);
}

static void
test_exports(void **state)
{
	static const char *const one[] = { "/srv/nfs" };
	static const char *const knfsd[] = { "/srv/nfs", "/srv/nfs/mail",
		"/srv/nfs/home" };
	static const char *const twins[] = { "/a/mail", "/b/mail" };
	static const struct {
		const char *const *exports;
		unsigned n;
		const char *path;
		int index, at;
	} cases[] = {
		{ one, 1, "/", 0, 0 },
		{ one, 1, "/mail/x", 0, 0 },
		{ knfsd, 3, "/mail", 1, 5 },
		{ knfsd, 3, "/mail/deep/er", 1, 5 },
		{ knfsd, 3, "/home", 2, 5 },
		{ knfsd, 3, "/other", -1, 0 }, /* below /srv/nfs, or not? */
		{ twins, 2, "/mail", -1, 0 },
		{ twins, 2, "/b/mail/x", 1, 7 },
		{ twins, 0, "/mail", -1, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < countof(cases); i++) {
		int at = 0;
		int index = share_mount_export(cases[i].exports, cases[i].n,
		    cases[i].path, &at);

		if (index != cases[i].index || at != cases[i].at)
			fail_msg("%u: %s: %d %d", i, cases[i].path, index, at);
	}
}

/* This machine's own table: whatever it is, a local directory is local. */
static void
test_here(void **state)
{
	struct arena *a = arena_new(0);
	struct share_url u = { .path = "/proc" };
	struct err *e = share_mount_resolve(a, "/proc/self", &u);

	(void)state;
	assert_null(e);
	assert_false(u.nfs);
	assert_string_equal(u.path, "/proc");
	e = share_mount_resolve(a, "/nonexistent/x", &u);
	assert_true(err_is(e, ERR_NOENT));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_url),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_query_wins),
		cmocka_unit_test(test_exports), cmocka_unit_test(test_here) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
