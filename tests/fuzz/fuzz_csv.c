/* fuzz_csv.c - an administrator's file of accounts */
#include "base/err.h"
#include "server/ctl/csv.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct str f[CSV_FIELDS_MAX];
	unsigned count, line = 0;
	struct csv c;

	csv_init(&c, str_of(data, n));
	while (csv_next(&c, a, f, &count) == CSV_RECORD) {
		invariant(count > 0 && c.line > line);
		line = c.line;
		for (unsigned i = 0; i < count; i++)
			invariant(f[i].n <= n);
	}
	arena_free(&a);
	return 0;
}
