/* fields.c - header fields that are kept beside the body structure */
#include "mime/fields.h"

#include "base/attr.h"

/* since: the first field set that has the name. */
static const struct field_kept {
	const char *name;
	enum mime_field_use use;
	unsigned since;
} fields_kept[] = {
	{ "date", MIME_FIELD_ENVELOPE, 1 },
	{ "subject", MIME_FIELD_ENVELOPE, 1 },
	{ "from", MIME_FIELD_ENVELOPE, 1 },
	{ "sender", MIME_FIELD_ENVELOPE, 1 },
	{ "reply-to", MIME_FIELD_ENVELOPE, 1 },
	{ "to", MIME_FIELD_ENVELOPE, 1 },
	{ "cc", MIME_FIELD_ENVELOPE, 1 },
	{ "bcc", MIME_FIELD_ENVELOPE, 1 },
	{ "in-reply-to", MIME_FIELD_ENVELOPE, 1 },
	{ "message-id", MIME_FIELD_ENVELOPE, 1 },
	{ "references", MIME_FIELD_COMMON, 1 },
	{ "content-type", MIME_FIELD_COMMON, 1 },
	{ "content-description", MIME_FIELD_COMMON, 1 },
	{ "priority", MIME_FIELD_COMMON, 1 },
	{ "x-priority", MIME_FIELD_COMMON, 1 },
	{ "importance", MIME_FIELD_COMMON, 1 },
	{ "newsgroups", MIME_FIELD_COMMON, 1 },
	{ "lines", MIME_FIELD_COMMON, 1 },
	{ "list-id", MIME_FIELD_COMMON, 1 },
	{ "list-post", MIME_FIELD_COMMON, 1 },
	{ "mail-followup-to", MIME_FIELD_COMMON, 1 },
	{ "mail-reply-to", MIME_FIELD_COMMON, 1 },
	{ "disposition-notification-to", MIME_FIELD_COMMON, 1 },
	{ "delivered-to", MIME_FIELD_COMMON, 1 },
	{ "x-original-to", MIME_FIELD_COMMON, 1 },
	{ "x-label", MIME_FIELD_COMMON, 1 },
	{ "x-spam-flag", MIME_FIELD_COMMON, 1 },
	{ "x-draft-info", MIME_FIELD_COMMON, 1 },
	{ "x-k9mail-identity", MIME_FIELD_COMMON, 1 },
	{ "x-tuid", MIME_FIELD_COMMON, 1 },
	{ "chat-version", MIME_FIELD_COMMON, 1 },
};

enum mime_field_use
mime_field_use(struct str name, unsigned set)
{
	if (set == 0)
		set = MIME_FIELD_SET;
	for (size_t i = 0; i < countof(fields_kept); i++) {
		if (fields_kept[i].since <= set &&
		    str_case_eq_c(name, fields_kept[i].name))
			return fields_kept[i].use;
	}
	return MIME_FIELD_OTHER;
}
