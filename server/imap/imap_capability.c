/* imap_capability.c - what the client is told that we can do */
#include "server/imap/imap_private.h"

/*
 * Nothing stands here that is not wholly there.  Clients ask before and after
 * login; who has logged in needs no word about how to.
 */
enum { IMAP_CAP_BEFORE = 1, IMAP_CAP_AFTER = 2, IMAP_CAP_ALWAYS = 3 };

static const struct {
	const char *name;
	unsigned when;
} imap_capabilities[] = {
	{ "IMAP4rev1", IMAP_CAP_ALWAYS },
	{ "LITERAL-", IMAP_CAP_ALWAYS },   /* RFC 7888 */
	{ "SASL-IR", IMAP_CAP_BEFORE },	   /* RFC 4959 */
	{ "ID", IMAP_CAP_ALWAYS },	   /* RFC 2971 */
	{ "ENABLE", IMAP_CAP_ALWAYS },	   /* RFC 5161 */
	{ "IDLE", IMAP_CAP_ALWAYS },	   /* RFC 2177 */
	{ "NAMESPACE", IMAP_CAP_AFTER },   /* RFC 2342 */
	{ "UIDPLUS", IMAP_CAP_AFTER },	   /* RFC 4315 */
	{ "MOVE", IMAP_CAP_AFTER },	   /* RFC 6851 */
	{ "CONDSTORE", IMAP_CAP_AFTER },   /* RFC 7162 */
	{ "SPECIAL-USE", IMAP_CAP_AFTER }, /* RFC 6154 */
	{ "CREATE-SPECIAL-USE", IMAP_CAP_AFTER },
	{ "CHILDREN", IMAP_CAP_AFTER }, /* RFC 3348 */
	{ "UNSELECT", IMAP_CAP_AFTER }, /* RFC 3691 */
	{ "QUOTA", IMAP_CAP_AFTER },	/* RFC 9208, 2087 */
	{ "QUOTA=RES-STORAGE", IMAP_CAP_AFTER },
	{ "QUOTA=RES-MESSAGE", IMAP_CAP_AFTER },
	{ "STATUS=SIZE", IMAP_CAP_AFTER }, /* RFC 8438 */
};

/* How to log in on this connection, as it is now. */
static void
imap_capability_auth(struct buf *b, const struct imap_session *s)
{
	struct sasl_channel ch = sasl_channel_of(s->w, s->c);
	struct str rest, name;

	if (!conn_is_tls(s->c) && conn_can_tls(s->c))
		buf_c(b, " STARTTLS");
	if (!ch.plain)
		buf_c(b, " LOGINDISABLED");
	rest = str_c(sasl_mechanisms(s->w, &ch));
	while (str_split(&rest, ' ', &name)) {
		buf_c(b, " AUTH=");
		buf_str_add(b, name);
	}
}

void
imap_capability_put(struct buf *b, const struct imap_session *s)
{
	unsigned when =
	    s->state == IMAP_STRANGER ? IMAP_CAP_BEFORE : IMAP_CAP_AFTER;

	for (size_t i = 0; i < countof(imap_capabilities); i++) {
		if (!(imap_capabilities[i].when & when))
			continue;
		if (i > 0)
			buf_char(b, ' ');
		buf_c(b, imap_capabilities[i].name);
	}
	if (when == IMAP_CAP_BEFORE)
		imap_capability_auth(b, s);
}
