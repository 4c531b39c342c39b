/* smtp_scan.c - what delivery wants to know of a header while it streams by */
#include "server/smtp/smtp_scan.h"

#include "base/attr.h"

enum smtp_scan_state {
	SCAN_START, /* of a line */
	SCAN_NAME,
	SCAN_VALUE, /* wanted */
	SCAN_SKIP,  /* to the end of the line */
	SCAN_BODY
};

enum smtp_scan_field { SCAN_RECEIVED, SCAN_DELIVERED, SCAN_ID, SCAN_OTHER };

static const char *const smtp_scan_names[] = {
	[SCAN_RECEIVED] = "received",
	[SCAN_DELIVERED] = "delivered-to",
	[SCAN_ID] = "message-id",
};

void
smtp_scan_init(struct smtp_scan *s)
{
	*s = (struct smtp_scan){ .state = SCAN_START, .field = SCAN_OTHER };
}

/* The field is complete. */
static void
smtp_scan_end(struct smtp_scan *s)
{
	struct str value = str_trim(str_of(s->value, s->value_n));

	if (s->field == SCAN_RECEIVED)
		s->received++;
	if (s->field == SCAN_DELIVERED) {
		s->delivered++;
		if (s->delivered_to != NULL)
			s->delivered_to(s->arg, value);
	}
	if (s->field == SCAN_ID && s->message_id[0] == '\0' && value.n > 0) {
		value = str_sub(value, 0, sizeof(s->message_id) - 1);
		memcpy(s->message_id, value.p, value.n);
		s->message_id[value.n] = '\0';
	}
	s->field = SCAN_OTHER;
}

/* The first byte of a line, behind all that belongs to the one before. */
static void
smtp_scan_line(struct smtp_scan *s, char c)
{
	if (c == ' ' || c == '\t') {
		s->state = s->field == SCAN_OTHER ? SCAN_SKIP : SCAN_VALUE;
		return;
	}
	smtp_scan_end(s);
	s->name_n = s->value_n = 0;
	if (c == '\r' || c == '\n') {
		s->state = SCAN_BODY;
		return;
	}
	s->state = SCAN_NAME;
	s->name[s->name_n++] = c;
}

static void
smtp_scan_name(struct smtp_scan *s, char c)
{
	struct str name = str_trim(str_of(s->name, s->name_n));

	if (c == '\n') {
		s->state = SCAN_START;
		return;
	}
	if (c != ':') {
		if (s->name_n < sizeof(s->name))
			s->name[s->name_n++] = c;
		else
			s->state = SCAN_SKIP; /* none of ours is so long */
		return;
	}
	s->state = SCAN_SKIP;
	for (unsigned i = 0; i < countof(smtp_scan_names); i++)
		if (str_case_eq_c(name, smtp_scan_names[i])) {
			s->field = (int)i;
			s->state = SCAN_VALUE;
		}
}

static void
smtp_scan_step(struct smtp_scan *s, char c)
{
	switch ((enum smtp_scan_state)s->state) {
	case SCAN_START:
		smtp_scan_line(s, c);
		return;
	case SCAN_NAME:
		smtp_scan_name(s, c);
		return;
	case SCAN_VALUE:
		if (c == '\n')
			s->state = SCAN_START;
		else if (c != '\r' && s->value_n < sizeof(s->value))
			s->value[s->value_n++] = c;
		return;
	case SCAN_SKIP:
		if (c == '\n')
			s->state = SCAN_START;
		return;
	case SCAN_BODY:
		return;
	}
}

/* Bytes up to the end of a line that says nothing. */
static size_t
smtp_scan_skip(const struct smtp_scan *s, struct str piece)
{
	const char *end;

	if (s->state != SCAN_SKIP || piece.n == 0)
		return 0;
	end = memchr(piece.p, '\n', piece.n);
	return end != NULL ? (size_t)(end - piece.p) : piece.n;
}

bool
smtp_scan_feed(struct smtp_scan *s, struct str piece)
{
	piece = str_sub(piece, 0, SMTP_SCAN_BYTES - s->seen);
	s->seen += piece.n;
	for (size_t i = 0; s->state != SCAN_BODY; i++) {
		i += smtp_scan_skip(s, str_sub(piece, i, piece.n));
		if (i >= piece.n)
			break;
		smtp_scan_step(s, piece.p[i]);
	}
	if (s->seen == SMTP_SCAN_BYTES && s->state != SCAN_BODY) {
		smtp_scan_end(s);
		s->state = SCAN_BODY;
	}
	return s->state != SCAN_BODY;
}

/* field = 1*ftext *WSP ":"		RFC 5322, 2.2 and 4.5.3 */
const char *
smtp_scan_start(struct str start)
{
	struct str from = STR("From "), rest = start;
	size_t name = 0, i;

	if (start.n > 0 && start.p[0] == '\r')
		return "";
	while (str_starts(rest, STR(">")))
		rest = str_sub(rest, 1, rest.n);
	if (str_starts(rest, from))
		return "X-Mailbox-Line: ";
	while (name < start.n && start.p[name] > ' ' && start.p[name] < 127 &&
	       start.p[name] != ':')
		name++;
	for (i = name; i < start.n; i++)
		if (start.p[i] != ' ' && start.p[i] != '\t')
			return name > 0 && start.p[i] == ':' ? "" : "\r\n";
	return start.n < SMTP_START_BYTES ? NULL : "\r\n";
}
