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
	{ path: "/invite", area: "open",
		load: () => import("./page_invite.js") },
	{ path: "/domains", area: "domains", nav: "nav.domains", group: "mail",
		load: () => import("./page_domains.js") },
];
