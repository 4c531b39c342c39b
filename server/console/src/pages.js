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
];
