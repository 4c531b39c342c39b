/* pop3_stuff.c - a message on its way out: dots stuffed, TOP cut */
#include "server/pop3/pop3_stuff.h"

void
pop3_stuff_init(struct pop3_stuff *s, uint64_t body_lines)
{
	*s = (struct pop3_stuff){ .lines_left = body_lines };
}

/* A line is out, its end too. */
static void
pop3_stuff_line(struct pop3_stuff *s, bool was_empty)
{
	if (s->in_body && s->lines_left != UINT64_MAX)
		s->lines_left--;
	if (!s->in_body && was_empty)
		s->in_body = true;
	s->done = s->in_body && s->lines_left == 0;
	s->line_begun = false;
	s->cr = false;
}

/* What is in one piece up to an LF, or to the end. */
static void
pop3_stuff_text(struct pop3_stuff *s, struct str text, struct buf *out)
{
	/* A CR at the end of a piece may be half of an end. */
	if (s->cr) {
		buf_char(out, '\r');
		s->line_begun = true;
		s->cr = false;
	}
	if (!s->line_begun && text.p[0] == '.')
		buf_char(out, '.');
	if (text.p[text.n - 1] == '\r') {
		s->cr = true;
		text.n--;
	}
	if (text.n > 0)
		s->line_begun = true;
	buf_str_add(out, text);
}

void
pop3_stuff_add(struct pop3_stuff *s, struct str in, struct buf *out)
{
	while (in.n > 0 && !s->done) {
		const char *lf = memchr(in.p, '\n', in.n);
		size_t n = lf != NULL ? (size_t)(lf - in.p) : in.n;

		if (n > 0)
			pop3_stuff_text(s, str_sub(in, 0, n), out);
		if (lf != NULL) {
			buf_c(out, "\r\n");
			pop3_stuff_line(s, !s->line_begun);
			n++;
		}
		in = str_sub(in, n, in.n);
	}
}

void
pop3_stuff_end(struct pop3_stuff *s, struct buf *out)
{
	if (s->cr && !s->done)
		buf_char(out, '\r');
	if (s->line_begun || s->cr)
		buf_c(out, "\r\n");
	buf_c(out, ".\r\n");
}
