/* principal.c - roles, areas and scopes */
#include "server/auth/principal.h"

#include "base/attr.h"

#define PRINCIPAL_ALL ((1U << 2 * AREAS) - 1)

static const char *const role_names[] = {
	[ROLE_USER] = "user",
	[ROLE_READONLY] = "readonly",
	[ROLE_DOMAIN] = "domain",
	[ROLE_SYSTEM] = "system",
};

static const char *const area_names[AREAS] = {
	[AREA_OPEN] = "open",
	[AREA_ME] = "me",
	[AREA_DOMAINS] = "domains",
	[AREA_ACCOUNTS] = "accounts",
	[AREA_QUEUE] = "queue",
	[AREA_TRACE] = "trace",
	[AREA_NODES] = "nodes",
	[AREA_SETTINGS] = "settings",
	[AREA_AUDIT] = "audit",
	[AREA_ADMINS] = "admins",
};

#define READ(area) (1U << 2 * (area))
#define WRITE(area) (1U << (2 * (area) + 1))
#define BOTH(area) (READ(area) | WRITE(area))
#define ME (BOTH(AREA_ME) | BOTH(AREA_OPEN))
#define OF_DOMAIN                                                              \
	(ME | READ(AREA_DOMAINS) | READ(AREA_ACCOUNTS) | READ(AREA_QUEUE) |    \
	    READ(AREA_TRACE) | READ(AREA_AUDIT))

/* What a role is for. */
static const uint32_t role_areas[] = {
	[ROLE_NOBODY] = BOTH(AREA_OPEN),
	[ROLE_USER] = ME,
	/* of a domain: as that domain's, looking */
	[ROLE_READONLY] = OF_DOMAIN | READ(AREA_NODES) | READ(AREA_SETTINGS),
	[ROLE_DOMAIN] = OF_DOMAIN | WRITE(AREA_ACCOUNTS),
	[ROLE_SYSTEM] = PRINCIPAL_ALL,
};

const char *
role_name(enum role r)
{
	return role_names[r];
}

enum role
role_of_name(struct str name)
{
	for (unsigned r = ROLE_USER; r <= ROLE_SYSTEM; r++)
		if (str_eq_c(name, role_names[r]))
			return (enum role)r;
	return ROLE_NOBODY;
}

const char *
area_name(enum area a)
{
	return area_names[a];
}

bool
principal_may(const struct principal *p, enum area area, bool writes)
{
	uint32_t bit = writes ? WRITE(area) : READ(area);
	uint32_t may = role_areas[p->role];

	if (area == AREA_OPEN)
		return true;
	if (p->role == ROLE_READONLY && p->domain.n > 0)
		may = OF_DOMAIN;
	if (p->token.n > 0) {
		/* whoever has a token cannot make himself another, or a
		 * password */
		may &= ~WRITE(AREA_ME);
		may &= p->scopes;
	}
	return (may & bit) != 0;
}

static bool
principal_scope(struct str word, uint32_t *scopes)
{
	struct str area;
	uint32_t bits = 0;
	bool writes;

	if (!str_split(&word, ':', &area))
		return false;
	writes = str_eq_c(word, "write");
	if (!writes && !str_eq_c(word, "read"))
		return false;
	for (unsigned a = AREA_ME; a < AREAS; a++)
		if (str_eq_c(area, area_names[a]) || str_eq_c(area, "*"))
			bits |= writes ? BOTH(a) : READ(a);
	*scopes |= bits;
	return bits != 0;
}

struct err *
principal_scopes_parse(struct arena *a, struct str text, uint32_t *scopes_r)
{
	struct str rest = text, word;

	*scopes_r = 0;
	while (str_split(&rest, ' ', &word))
		if (word.n > 0 && !principal_scope(word, scopes_r))
			return err_newf(a, ERR_INVALID,
			    "there is no scope " STR_FMT
			    ": they are like accounts:write, queue:read, "
			    "*:read",
			    STR_ARG(str_sub(word, 0, 100)));
	if (*scopes_r == 0)
		return err_new(a, ERR_INVALID,
		    "a token needs a scope: like accounts:write, queue:read, "
		    "*:read",
		    NULL);
	return NULL;
}
