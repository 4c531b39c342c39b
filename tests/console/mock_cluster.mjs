// mock_cluster.mjs - nodes, share, overview, settings, audit
import { ago, at } from "./mock_data.mjs";
import { on, hit, one, drop, need, fresh } from "./mock_on.mjs";

// --- nodes, share, overview ---
const rates = (x, n) =>
	n.life === "alive"
		? {
				messages_in: 6.2 + x.d.random.next(),
				delivered: 5.1,
				relayed: 1.25,
				rejected: 2.5,
				deferred: 0.1,
				logins: 3.4,
				logins_failed: 0.05,
			}
		: null;
const node = (x) =>
	one(
		x,
		x.d.nodes,
		(n) => String(n.id) === x.args[0] || n.name === x.args[0]
	);
const nodeTag = { match: true, tag: ([id]) => `/nodes/${id}` };
const withRates = (x, n) => ({
	...n,
	sessions:
		n.life === "alive"
			? Math.max(0, n.sessions + x.d.random.int(9) - 4)
			: 0,
	rates: rates(x, n),
});
on("GET /nodes/history", (x) => ({ step_s: 30, nodes: x.d.history }));
on("GET /nodes", (x) => x.d.nodes.map((n) => withRates(x, n)), { list: true });
on("POST /nodes/invites", () => ({
	code: "shoal-join-" + "Zm9vYmFyYmF6cXV4".repeat(5),
	expires: ago(-3600),
}));
on("GET /nodes/{id}", (x) => withRates(x, node(x)), { tag: nodeTag.tag });
on(
	"PATCH /nodes/{id}",
	(x, b) => {
		const n = Object.assign(node(x), b);
		if ("drain" in b && n.life === "alive")
			n.ready = b.drain ? "draining" : "ready";
		return withRates(x, n);
	},
	nodeTag
);
on(
	"DELETE /nodes/{id}",
	(x) => {
		const n = node(x);
		if (n.life === "alive")
			throw new x.Problem(
				409,
				"conflict",
				"the node is alive: drain and stop " + "it first"
			);
		drop(x.d.nodes, n);
	},
	nodeTag
);
on("GET /locks", (x) => x.d.locks, { list: true, area: "nodes" });
on(
	"GET /share",
	() => ({
		level: "warn",
		words: [
			{
				level: "ok",
				code: "reachable",
				text: "The share answers in 0.8 ms.",
				object: null,
			},
			{
				level: "warn",
				code: "share_low",
				text:
					"Less than a tenth of the share is " +
					"free: 41 GB of 500 GB.",
				object: null,
			},
			{
				level: "ok",
				code: "durability",
				text: "What is written is on disk when " + "the share says so.",
				object: null,
			},
		],
		name: "mail",
		uuid: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
		durability: "server",
		free_bytes: 41e9,
		total_bytes: 5e11,
		free_files: 31e6,
		latency_us: 812,
		away: false,
		state: { entry: 48211, schema: 4, readonly: null },
	}),
	{ area: "nodes" }
);
on(
	"GET /overview",
	(x) => ({
		problems: [
			{
				level: "bad",
				code: "node_silent",
				text:
					"Node n3-with-a-name-that-is-" +
					"longer-than-most has said nothing for 5 minutes.",
				object: "n3-with-a-name-that-is-longer-than-most",
			},
			{
				level: "warn",
				code: "cert_expires",
				text: "The certificate of n2 " + "expires in 3 days.",
				object: "n2",
			},
			{
				level: "warn",
				code: "share_low",
				text:
					"Less than a tenth of the share is " +
					"free: 41 GB of 500 GB.",
				object: null,
			},
			{
				level: "warn",
				code: "queue_old",
				text: "The oldest message of the " + "queue waits for 4 days.",
				object: null,
			},
			{
				level: "warn",
				code: "node_draining",
				text: "Node n2 is draining.",
				object: "n2",
			},
		],
		nodes: { total: 4, alive: 2, ready: 1 },
		rates: {
			messages_in: 12.2 + x.d.random.next(),
			delivered: 10.3,
			relayed: 2.5,
			rejected: 5.1,
			deferred: 0.2,
			logins: 6.9,
			logins_failed: 0.1,
		},
		queue: {
			messages: x.d.queue.length,
			held: x.d.queue.filter((m) => m.state === "held").length,
			oldest: ago(4 * 86400),
			failing_domains: [
				"slow.example",
				"nowhere.example",
				"full.example",
			],
		},
		storage: { free_bytes: 41e9, total_bytes: 5e11 },
		domains: x.d.domains.length,
		accounts: x.d.accounts.length,
		state: { entry: 48211, schema: 4 },
		answers: "n1",
	}),
	{ area: "nodes" }
);

// --- settings, certificates, routes, audit ---
const setting = (x) => one(x, x.d.settings, (s) => s.name === x.args[0]);
const settingTag = { match: true, tag: ([n]) => `/settings/${n}` };
on("GET /settings", (x) => x.d.settings, { list: true });
on("GET /settings/{name}", setting, { tag: settingTag.tag });
on(
	"PUT /settings/{name}",
	(x, b) => {
		const s = setting(x),
			v = String(b.value);
		need(
			x,
			b,
			"value",
			s.type === "text" ||
				(s.type === "bool" ? /^(yes|no)$/ : /^\d+[a-zA-Z]?$/).test(v),
			`${s.name} is a ${s.type}, ${s.min} to ${s.max}`
		);
		return Object.assign(s, { value: v, is_default: v === s.default });
	},
	settingTag
);
on(
	"DELETE /settings/{name}",
	(x) =>
		Object.assign(setting(x), {
			value: setting(x).default,
			is_default: true,
		}),
	settingTag
);
const inSettings = { area: "settings" };
on("GET /certificates", (x) => x.d.certificates, { ...inSettings, list: true });
on(
	"POST /certificates",
	(x, b) => {
		need(
			x,
			b,
			"chain",
			b.chain.includes("BEGIN CERTIFICATE"),
			"that is no certificate in PEM"
		);
		const c = {
			id: fresh(),
			names: ["new.example.org"],
			created: ago(0),
			expires: ago(-90 * 86400),
		};
		x.d.certificates.push(c);
		return c;
	},
	inSettings
);
on(
	"DELETE /certificates/{id}",
	(x) => {
		drop(
			x.d.certificates,
			one(x, x.d.certificates, (c) => c.id === x.args[0])
		);
	},
	{ ...inSettings, match: true }
);
const route = (x) => one(x, x.d.routes, (r) => r.pattern === x.args[0]);
const routeTag = { ...inSettings, match: true, tag: ([p]) => `/routes/${p}` };
on("GET /routes", (x) => x.d.routes, { ...inSettings, list: true });
on(
	"POST /routes",
	(x, b) => {
		if (x.d.routes.some((r) => r.pattern === b.pattern))
			throw new x.Problem(409, "duplicate", "there is a route for this");
		const { password, ...rest } = b;
		x.d.routes.push({ ...rest, created: ago(0), password_set: !!password });
		return x.d.routes.at(-1);
	},
	inSettings
);
on("GET /routes/{pattern}", route, { ...inSettings, tag: routeTag.tag });
on(
	"PUT /routes/{pattern}",
	(x, b) => {
		const { password, ...rest } = b;
		return Object.assign(
			route(x),
			rest,
			password !== undefined ? { password_set: !!password } : {}
		);
	},
	routeTag
);
on("DELETE /routes/{pattern}", (x) => drop(x.d.routes, route(x)), routeTag);
on(
	"GET /audit",
	(x) =>
		x.d.audit.filter(
			(a) =>
				["object", "who", "what"].every((f) =>
					hit(x.query.get(f) ?? "", a[f])
				) &&
				(!x.who.domain || a.object.endsWith(`@${x.who.domain}`))
		),
	{ list: true }
);
on(
	"GET /openapi.json",
	() => ({
		openapi: "3.1.0",
		info: { title: "Shoal", version: at(0) },
		paths: {},
	}),
	{ area: "open" }
);
