/* remote_parse.c - what a host says to us, and how things are said to it */
#include "server/queue/remote_parse.h"

#include <string.h>

static bool
remote_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

void
remote_printable(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_char(b, s.p[i] >= ' ' && s.p[i] <= '~' ? s.p[i] : '?');
}

/* --- replies --- */

void
remote_reader_init(struct remote_reader *r, struct arena *a)
{
	memset(r, 0, sizeof(*r));
	r->arena = a;
	buf_init(&r->text, a, REMOTE_TEXT_MAX);
}

/* 1*3DIGIT */
static size_t
remote_number(struct str s)
{
	size_t n = 0;

	while (n < s.n && n < 3 && remote_is_digit(s.p[n]))
		n++;
	return n;
}

/* status-code = class "." subject "." detail	RFC 2034, 4; RFC 3463, 2 */
size_t
remote_enhanced(struct str s, unsigned code, char enhanced_r[12])
{
	size_t at = 2, n;

	if (s.n < 5 || s.p[1] != '.' || code < 200 || code / 100 == 3 ||
	    s.p[0] != (char)('0' + code / 100))
		return 0;
	n = remote_number(str_sub(s, at, s.n));
	at += n;
	if (n == 0 || at >= s.n || s.p[at] != '.')
		return 0;
	at++;
	n = remote_number(str_sub(s, at, s.n));
	at += n;
	if (n == 0 || (at < s.n && s.p[at] != ' '))
		return 0;
	memcpy(enhanced_r, s.p, at);
	enhanced_r[at] = '\0';
	return at;
}

static void
remote_reader_text(struct remote_reader *r, struct str text)
{
	char enhanced[12];
	size_t n = remote_enhanced(text, r->reply.code, enhanced);

	if (n > 0 && r->lines == 1)
		memcpy(r->reply.enhanced, enhanced, sizeof(enhanced));
	/* Most hosts put it in front of every line. */
	if (n > 0 && strcmp(enhanced, r->reply.enhanced) == 0)
		text = str_sub(text, n, text.n);
	text = str_trim(text);
	if (text.n == 0)
		return;
	if (r->text.n > 0)
		buf_char(&r->text, ' ');
	remote_printable(&r->text, text);
}

/* Reply-line = *( code "-" [ text ] CRLF ) code [ SP text ] CRLF
 * with the same code throughout; RFC 5321, 4.2. */
enum remote_step
remote_reader_line(struct remote_reader *r, struct str line, struct str *text_r)
{
	unsigned code;
	bool more;

	*text_r = STR_NONE;
	if (++r->lines > REMOTE_LINES_MAX || line.n > REMOTE_LINE_MAX ||
	    remote_number(line) < 3 || line.p[0] < '2' || line.p[0] > '5' ||
	    (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-'))
		return REMOTE_MALFORMED;
	code = (unsigned)(line.p[0] - '0') * 100 +
	       (unsigned)(line.p[1] - '0') * 10 + (unsigned)(line.p[2] - '0');
	if (r->lines > 1 && code != r->reply.code)
		return REMOTE_MALFORMED;
	r->reply.code = code;
	more = line.n > 3 && line.p[3] == '-';
	*text_r = str_sub(line, 4, line.n);
	remote_reader_text(r, *text_r);
	r->reply.text = buf_str(&r->text);
	return more ? REMOTE_MORE : REMOTE_DONE;
}

/* --- EHLO --- */

static void
remote_ext_size(struct remote_ext *x, struct str args)
{
	x->size = true;
	/* What cannot be understood is no limit: the host will say so itself.
	 */
	if (!str_u64(str_trim(args), &x->size_max))
		x->size_max = 0;
}

static void
remote_ext_auth(struct remote_ext *x, struct str args)
{
	struct str word;

	while (str_split(&args, ' ', &word)) {
		x->auth_plain |= str_case_eq_c(word, "PLAIN");
		x->auth_login |= str_case_eq_c(word, "LOGIN");
	}
}

static void
remote_ext_limits(struct remote_ext *x, struct str args)
{
	struct str word, name;

	while (str_split(&args, ' ', &word)) {
		if (!str_split(&word, '=', &name))
			continue;
		if (str_case_eq_c(name, "RCPTMAX") &&
		    !str_u32(word, &x->rcpt_max))
			x->rcpt_max = 0;
		if (str_case_eq_c(name, "MAILMAX") &&
		    !str_u32(word, &x->mail_max))
			x->mail_max = 0;
	}
}

void
remote_ext_line(struct remote_ext *x, struct str line)
{
	size_t n = 0;
	struct str word, args;

	/* "AUTH=LOGIN" is what was written before RFC 2554. */
	while (n < line.n && line.p[n] != ' ' && line.p[n] != '=')
		n++;
	word = str_sub(line, 0, n);
	args = str_sub(line, n + 1, line.n);
	if (str_case_eq_c(word, "PIPELINING"))
		x->pipelining = true;
	else if (str_case_eq_c(word, "8BITMIME"))
		x->body8 = true;
	else if (str_case_eq_c(word, "SMTPUTF8"))
		x->utf8 = true;
	else if (str_case_eq_c(word, "DSN"))
		x->dsn = true;
	else if (str_case_eq_c(word, "STARTTLS"))
		x->starttls = true;
	else if (str_case_eq_c(word, "SIZE"))
		remote_ext_size(x, args);
	else if (str_case_eq_c(word, "AUTH"))
		remote_ext_auth(x, args);
	else if (str_case_eq_c(word, "LIMITS"))
		remote_ext_limits(x, args);
}

/* --- what we say --- */

/* xtext = *( xchar / "+" 2HEXDIG )	RFC 3461, 4 */
void
remote_xtext(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c > ' ' && c <= '~' && c != '+' && c != '=')
			buf_char(b, c);
		else
			buf_fmt(b, "+%02X", (unsigned)(unsigned char)c);
	}
}

bool
remote_is_path(struct str s)
{
	if (s.n > 1024)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c == 127 || c == '<' || c == '>')
			return false;
	}
	return true;
}

void
remote_stuff_add(struct remote_stuff *s, struct str in, struct buf *out)
{
	size_t i = 0, from;

	while (i < in.n) {
		char c = in.p[i];

		if (c == '\r' || c == '\n') {
			if (c == '\r' || !s->cr) {
				buf_c(out, "\r\n");
				s->begun = false;
			}
			s->cr = c == '\r';
			i++;
			continue;
		}
		if (!s->begun && c == '.')
			buf_char(out, '.');
		s->begun = true;
		s->cr = false;
		for (from = i; i < in.n && in.p[i] != '\r' && in.p[i] != '\n';)
			i++;
		buf_add(out, in.p + from, i - from);
	}
}

void
remote_stuff_end(struct remote_stuff *s, struct buf *out)
{
	if (s->begun)
		buf_c(out, "\r\n");
	buf_c(out, ".\r\n");
}
