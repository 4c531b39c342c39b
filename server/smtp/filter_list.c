/* filter_list.c - all filters, in the order in which they are asked */
#include "server/smtp/filter.h"

const struct filter *const filters[] = {
	NULL,
};
