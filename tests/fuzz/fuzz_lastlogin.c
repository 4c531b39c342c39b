/* fuzz_lastlogin.c - what an account's login file says */
#include "storage/lastlogin.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* What is read is what is written, also when the checksum is made right. */
int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	char text[LASTLOGIN_BYTES], again[LASTLOGIN_BYTES];
	struct lastlogin l, m;
	size_t half = n > 8 ? (n - 8) / 2 : 0;

	(void)lastlogin_parse(str_of(data, n), &l);
	if (n < 8)
		return 0;
	memcpy(&l.at, data, sizeof(l.at));
	l.at = l.at < 0 || l.at > INT64_MAX / 2 ? 0 : l.at;
	l.protocol = str_of(data + 8, half);
	l.ip = str_of(data + 8 + half, n - 8 - half);
	lastlogin_format(&l, text);
	invariant(lastlogin_parse(str_of(text, sizeof(text)), &m));
	invariant(m.at == l.at);
	lastlogin_format(&m, again);
	invariant(memcmp(text, again, sizeof(text)) == 0);
	return 0;
}
