/* filter_list.c - all filters, in the order in which they are asked */
#include "server/smtp/filter.h"
#include "server/smtp/filter_mailauth.h"

const struct filter *const filters[] = {
	&filter_mailauth,
	NULL,
};
