/* console_none.c - configured --without-console */
#include "server/http/static.h"

const struct static_site console_site = { NULL, 0, NULL, 0 };
