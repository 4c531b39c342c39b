/* pages.js - which page is at which path, and who sees it in the navigation */

/*
 * area: what one must be allowed to read; null: everybody who is signed in;
 * "open": also who is not.  nav: its text's key; the rows with one are the
 * navigation, in this order, under the heading `group`.  A module of a page
 * exports the component as its default; it gets { params } of the path.
 *
 * pack.mjs reads this table, too: the server answers paths that begin like
 * these with the index.
 */
export const pages = [
	{ path: "/", area: null, load: () => import("./page_home.js") },
	{ path: "/start", area: "domains",
		load: () => import("./page_start.js") },
	{ path: "/invite", area: "open",
		load: () => import("./page_invite.js") },
	{ path: "/overview", area: "nodes", nav: "nav.overview", group: "cluster",
		load: () => import("./page_overview.js") },
	{ path: "/nodes", area: "nodes", nav: "nav.nodes", group: "cluster",
		load: () => import("./page_nodes.js") },
	{ path: "/nodes/locks", area: "nodes",
		load: () => import("./page_locks.js") },
	{ path: "/nodes/share", area: "nodes",
		load: () => import("./page_share.js") },
	{ path: "/nodes/:id", area: "nodes",
		load: () => import("./page_node.js") },
	{ path: "/settings", area: "settings", nav: "nav.settings",
		group: "cluster", load: () => import("./page_settings.js") },
	{ path: "/settings/certificates", area: "settings",
		load: () => import("./page_certificates.js") },
	{ path: "/settings/routes", area: "settings",
		load: () => import("./page_routes.js") },
	{ path: "/domains", area: "domains", nav: "nav.domains", group: "mail",
		load: () => import("./page_domains.js") },
	{ path: "/domains/:name", area: "domains",
		load: () => import("./page_domain.js") },
	{ path: "/domains/:name/:tab", area: "domains",
		load: () => import("./page_domain.js") },
	{ path: "/accounts", area: "accounts", nav: "nav.accounts",
		group: "mail", load: () => import("./page_accounts.js") },
	{ path: "/accounts/:address", area: "accounts",
		load: () => import("./page_account.js") },
	{ path: "/accounts/:address/:tab", area: "accounts",
		load: () => import("./page_account.js") },
	{ path: "/aliases", area: "accounts", nav: "nav.aliases", group: "mail",
		load: () => import("./page_lists.js") },
	{ path: "/aliases/:address", area: "accounts",
		load: () => import("./page_list.js") },
	{ path: "/groups", area: "accounts", nav: "nav.groups", group: "mail",
		load: () => import("./page_groups.js") },
	{ path: "/groups/:address", area: "accounts",
		load: () => import("./page_list.js") },
	{ path: "/queue", area: "queue", nav: "nav.queue", group: "mail",
		load: () => import("./page_queue.js") },
	{ path: "/queue/:id", area: "queue",
		load: () => import("./page_message.js") },
	{ path: "/trace", area: "trace", nav: "nav.trace", group: "mail",
		load: () => import("./page_trace.js") },
	{ path: "/admins", area: "admins", nav: "nav.admins", group: "people",
		load: () => import("./page_admins.js") },
	{ path: "/admins/:login", area: "admins",
		load: () => import("./page_admin.js") },
	{ path: "/audit", area: "audit", nav: "nav.audit", group: "people",
		load: () => import("./page_audit.js") },
	{ path: "/me", area: null, nav: "nav.me", group: "people",
		load: () => import("./page_me.js") },
	{ path: "/me/:tab", area: null, load: () => import("./page_me.js") },
];
