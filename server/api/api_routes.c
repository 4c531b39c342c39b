/* api_routes.c - the tables of all resources */
#include "server/api/api_account.h"
#include "server/api/api_private.h"

const struct api_route *const api_routes[] = {
	api_account_own_routes,
	api_account_routes,
	api_account_test_routes,
	api_admin_routes,
	api_alias_routes,
	api_audit_routes,
	api_dkim_routes,
	api_domain_routes,
	api_group_routes,
	api_mail_route_routes,
	api_me_routes,
	api_node_routes,
	api_openapi_routes,
	api_queue_routes,
	api_session_routes,
	api_setting_routes,
	api_share_routes,
	api_token_routes,
	api_totp_routes,
	api_trace_routes,
	NULL,
};
