/* overview_model.js - what a problem is called, and where it is mended */

const segment = (s) => "/" + encodeURIComponent(s);
/* Of a certificate in the state; nodes have names. */
const is_id = (s) => /^[a-z2-7]{20}$/.test(s);

/* Codes begin with what they are about: first match.  path: of the object, or
 * of all. */
const places = [
	{ code: /^cert_self/, area: "settings", key: "problem.certificates",
		path: () => "/settings/certificates" },
	{ code: /^cert/, area: "settings", key: "problem.certificates",
		path: (o) => o === "" || is_id(o) ? "/settings/certificates"
			: "/nodes" + segment(o) },
	{ code: /^node_/, area: "nodes", key: "problem.node",
		path: (o) => o === "" ? "/nodes" : "/nodes" + segment(o) },
	{ code: /^node|^version|^schema/, area: "nodes", key: "problem.nodes",
		path: () => "/nodes" },
	{ code: /^lock/, area: "nodes", key: "problem.locks",
		path: () => "/nodes/locks" },
	{ code: /^queue|^held|^bounce/, area: "queue", key: "problem.queue",
		path: (o) => o.includes(".") ? "/queue?domain=" +
			encodeURIComponent(o) : "/queue" },
	{ code: /^dkim|^dns|^domain/, area: "domains", key: "problem.domains",
		path: (o) => o === "" ? "/domains" : "/domains" + segment(o) },
	{ code: /^account|^quota/, area: "accounts", key: "problem.accounts",
		path: (o) => o === "" ? "/accounts" : "/accounts" + segment(o) },
	{ code: /^route/, area: "settings", key: "problem.routes",
		path: () => "/settings/routes" },
	{ code: /^admin|^invite/, area: "admins", key: "problem.admins",
		path: () => "/admins" },
	{ code: /^setting/, area: "settings", key: "problem.settings",
		path: () => "/settings" },
	{ code: /./, area: "nodes", key: "problem.share",
		path: () => "/nodes/share" },
];

/* -> { href, key of the link's text }, or null: nothing that he may see. */
export function where(p, may) {
	const place = places.find((x) => x.code.test(p.code)) ?? places.at(-1);

	return may(place.area)
		? { href: place.path(p.object ?? ""), key: place.key } : null;
}

/*
 * Where the catalogue has a sentence for the code, it gets object and the last
 * figure of what the server says; else that is shown.
 */
export function words(p, t_if) {
	const text = p.text ?? "";
	const n = text.match(/-?\d+/g)?.at(-1) ?? "";
	const own = t_if("say." + p.code, { object: p.object ?? "", n });

	return own !== "" ? own : text.slice(0, 1).toUpperCase() +
		text.slice(1).replace(/([^.!?])$/, "$1.");
}
