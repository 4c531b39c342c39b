/* smtp_data.c - the text of a message as DATA and BDAT carry it */
#include "server/smtp/smtp_data.h"

/* What stands before the next byte. */
enum smtp_data_state {
	DATA_LINE,     /* CRLF, or nothing: a line begins */
	DATA_DOT,      /* ... and a dot, kept back */
	DATA_DOT_CR,   /* ... and a CR, kept back */
	DATA_TEXT,     /* anything else */
	DATA_CR,       /* a CR, kept back */
	DATA_LOOSE,    /* a bare CR or LF: to some a line begins */
	DATA_LOOSE_DOT /* ... and a dot, kept back */
};

void
smtp_data_init(struct smtp_data *d, bool dots)
{
	*d = (struct smtp_data){ .state = DATA_LINE, .dots = dots };
}

static enum smtp_data_state
smtp_data_plain(struct smtp_data *d, char c, struct buf *out)
{
	if (c == '\0')
		d->found |= SMTP_DATA_NUL;
	buf_char(out, c);
	return DATA_TEXT;
}

static enum smtp_data_state
smtp_data_bare_lf(struct smtp_data *d, struct buf *out)
{
	d->found |= SMTP_DATA_BARE_LF;
	buf_add(out, "\r\n", 2);
	return DATA_LOOSE;
}

/* c where nothing is kept back; loose: a bare CR or LF is in front.  Who ends
 * lines so doubles dots behind them too. */
static enum smtp_data_state
smtp_data_text(struct smtp_data *d, char c, bool loose, struct buf *out)
{
	if (c == '\r')
		return DATA_CR;
	if (c == '\n')
		return smtp_data_bare_lf(d, out);
	if (loose && c == '.' && d->dots)
		return DATA_LOOSE_DOT;
	return smtp_data_plain(d, c, out);
}

/* c behind a CR that was kept back. */
static enum smtp_data_state
smtp_data_cr(struct smtp_data *d, char c, struct buf *out)
{
	buf_char(out, '\r');
	if (c == '\n') {
		buf_char(out, '\n');
		return DATA_LINE;
	}
	d->found |= SMTP_DATA_BARE_CR;
	return smtp_data_text(d, c, true, out);
}

/* c behind a dot at the beginning of a line: that dot is dropped (RFC 5321,
 * 4.5.2). */
static enum smtp_data_state
smtp_data_dot(struct smtp_data *d, char c, struct buf *out)
{
	if (c == '\r')
		return DATA_DOT_CR;
	if (c == '\n') { /* CRLF.LF */
		d->found |= SMTP_DATA_FALSE_END;
		return smtp_data_bare_lf(d, out);
	}
	return smtp_data_plain(d, c, out);
}

static enum smtp_data_state
smtp_data_dot_cr(struct smtp_data *d, char c, struct buf *out)
{
	if (c == '\n') {
		d->done = true;
		return DATA_LINE;
	}
	d->found |= SMTP_DATA_FALSE_END; /* CRLF.CR */
	return smtp_data_cr(d, c, out);
}

static enum smtp_data_state
smtp_data_step(struct smtp_data *d, char c, struct buf *out)
{
	switch ((enum smtp_data_state)d->state) {
	case DATA_LINE:
		if (c == '.' && d->dots)
			return DATA_DOT;
		return smtp_data_text(d, c, false, out);
	case DATA_DOT:
		return smtp_data_dot(d, c, out);
	case DATA_DOT_CR:
		return smtp_data_dot_cr(d, c, out);
	case DATA_TEXT:
		return smtp_data_text(d, c, false, out);
	case DATA_CR:
		return smtp_data_cr(d, c, out);
	case DATA_LOOSE:
		return smtp_data_text(d, c, true, out);
	case DATA_LOOSE_DOT:
		if (c == '\r' || c == '\n')
			d->found |= SMTP_DATA_FALSE_END; /* LF.LF, CR.CR */
		return smtp_data_text(d, c, false, out);
	}
	return DATA_TEXT;
}

/* Most bytes of a message are here. */
static size_t
smtp_data_run(struct str in)
{
	size_t n = 0;

	while (
	    n < in.n && in.p[n] != '\r' && in.p[n] != '\n' && in.p[n] != '\0')
		n++;
	return n;
}

size_t
smtp_data_feed(struct smtp_data *d, struct str in, struct buf *out)
{
	size_t i = 0, n;

	while (i < in.n && !d->done) {
		if (d->state == DATA_TEXT) {
			n = smtp_data_run(str_sub(in, i, in.n));
			buf_add(out, in.p + i, n);
			i += n;
			if (i == in.n)
				break;
		}
		d->state = smtp_data_step(d, in.p[i++], out);
	}
	return i;
}

void
smtp_data_finish(struct smtp_data *d, struct buf *out)
{
	if (d->state == DATA_CR)
		d->found |= SMTP_DATA_BARE_CR;
	/* in front of DATA_LOOSE stands the CRLF a bare LF became */
	if (d->state != DATA_LINE && d->state != DATA_LOOSE)
		buf_add(out, "\r\n", 2);
	d->state = DATA_LINE;
}
