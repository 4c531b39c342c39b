/* fuzz_conf.c - the configuration file, and its packed form */
#include <stddef.h>
#include <stdint.h>

#include "server/conf_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* A file: what it says, packed and unpacked, is the same. */
static void
fuzz_file(struct arena *a, struct str text)
{
	struct conf_raw *raw = arena_new_obj(a, struct conf_raw);
	struct conf *c, *back;
	struct str packed;

	if (conf_file_parse(a, "fuzz", text, raw) != NULL)
		return;
	raw->hostname = "host.example.org";
	raw->cores = 2;
	if (conf_build(a, raw, &c) != NULL ||
	    conf_check(a, c, raw, true) != NULL)
		return;
	packed = conf_pack(a, c);
	if (conf_unpack(a, packed, &back) != NULL)
		panic("what was packed cannot be unpacked");
	if (!str_eq(packed, conf_pack(a, back)) ||
	    conf_needs_restart(c, back) != NULL)
		panic("what was unpacked is something else");
	conf_keep_fixed(back, back);
	conf_free(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena *a = arena_new(0);
	struct str in = str_of(p, n);
	struct conf *c;

	if (n > 0 && p[0] == 'S' && conf_unpack(a, in, &c) == NULL)
		conf_free(&c);
	fuzz_file(a, in);
	arena_free(&a);
	return 0;
}
