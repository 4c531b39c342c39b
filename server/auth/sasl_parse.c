/* sasl_parse.c - what SASL clients send */
#include "server/auth/sasl_parse.h"

/* message = [authzid] UTF8NUL authcid UTF8NUL passwd	RFC 4616, 2 */
bool
sasl_plain_parse(struct str in, struct str part_r[3])
{
	struct str rest = in;
	unsigned n = 0;

	while (n < 3 && str_split(&rest, '\0', &part_r[n]))
		n++;
	if (n < 3 || rest.p != NULL || part_r[1].n == 0 || part_r[2].n == 0)
		return false;
	for (n = 0; n < 3; n++)
		if (part_r[n].n > SASL_NAME_MAX)
			return false;
	return true;
}
