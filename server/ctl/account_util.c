#include "server/ctl/account_util.h"

#include "server/admin/admin_account.h"
#include "storage/quota.h"

struct err *
ctl_account(struct task *t, struct ctl *c, const char *address,
    struct state_account *sa_r, struct account **acc_r)
{
	struct admin ad = ctl_admin(t, c);

	return admin_account_open(t, &ad, str_c(address), sa_r, acc_r);
}

void
ctl_account_limit(const struct state_account *sa, struct quota_limit *limit_r)
{
	*limit_r = (struct quota_limit){ .bytes = sa->quota_bytes,
		.messages = sa->quota_messages };
}
