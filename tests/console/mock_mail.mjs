// mock_mail.mjs - domains, accounts, aliases, groups, queue, trace
import { ago } from "./mock_data.mjs";
import { on, hit, one, drop, domainOf, mine, need, fresh } from "./mock_on.mjs";
import { findTrace } from "./mock_trace.mjs";

// --- domains ---
const domain = (x) =>
	one(x, x.d.domains, (d) => d.name === x.args[0] && mine(x, d.name));
const domainTag = { match: true, tag: ([name]) => `/domains/${name}` };
on(
	"GET /domains",
	(x) =>
		x.d.domains.filter(
			(d) =>
				mine(x, d.name) &&
				hit(x.query.get("search") ?? "", d.name, d.display, d.note)
		),
	{ list: true }
);
on("POST /domains", (x, b) => {
	need(
		x,
		b,
		"name",
		/^[^\s@]+\.[^\s@]+$/.test(b.name ?? ""),
		"that is no name of a domain"
	);
	if (x.d.domains.some((d) => d.name === b.name))
		throw new x.Problem(409, "duplicate", "this domain is there already");
	const d = {
		...x.d.domains[0],
		note: "",
		suspended: false,
		accounts: 0,
		...b,
		display: b.name,
		created: ago(0),
	};
	x.d.domains.push(d);
	x.d.dkim.set(d.name, []);
	return d;
});
on("GET /domains/{name}", domain, { tag: domainTag.tag });
on("PATCH /domains/{name}", (x, b) => Object.assign(domain(x), b), domainTag);
on(
	"DELETE /domains/{name}",
	(x) => {
		const d = domain(x);
		if (d.accounts > 0)
			throw new x.Problem(409, "conflict", "it has accounts");
		drop(x.d.domains, d);
	},
	domainTag
);
on("GET /domains/{name}/dns", (x) => {
	const n = domain(x).name,
		check = x.query.get("check") === "true";
	const row = (name, type, data, status, found = []) => ({
		name,
		type,
		data,
		line: `${name}. 3600 IN ${type} ${data}`,
		status: check ? status : "unchecked",
		found,
	});
	return {
		hosts: true,
		keys: true,
		items: [
			row(n, "MX", "10 mail.example.org.", "ok", [
				"10 mail.example.org.",
			]),
			row(n, "TXT", '"v=spf1 mx -all"', "different", ['"v=spf1 ~all"']),
			row(`_dmarc.${n}`, "TXT", '"v=DMARC1; p=reject"', "missing"),
			row(
				`s1._domainkey.${n}`,
				"TXT",
				`"v=DKIM1; k=rsa; p=${"MIIBIjANBg".repeat(38)}"`,
				"ok"
			),
			row(
				`_imaps._tcp.${n}`,
				"SRV",
				"0 1 993 mail.example.org.",
				"unknown"
			),
		],
	};
});
const keys = (x) => x.d.dkim.get(domain(x).name);
const key = (x) => one(x, keys(x), (k) => k.selector === x.args[1]);
const dkimTag = { match: true, tag: ([name]) => `/domains/${name}/dkim` };
on("GET /domains/{name}/dkim", keys, { list: true, tag: dkimTag.tag });
on("POST /domains/{name}/dkim", (x, b) => {
	const k = {
		selector: b.selector || `s${fresh()}`,
		algorithm: b.algorithm ?? "rsa",
		stage: b.active ? "active" : "new",
		node: b.node ?? null,
		created: ago(0),
		activated: null,
		retired: null,
		record: "v=DKIM1; k=rsa; p=MIIB",
	};
	keys(x).push(k);
	return k;
});
on(
	"POST /domains/{name}/dkim/{selector}/activate",
	(x) => Object.assign(key(x), { stage: "active", activated: ago(0) }),
	dkimTag
);
on(
	"POST /domains/{name}/dkim/{selector}/retire",
	(x) => Object.assign(key(x), { stage: "retired", retired: ago(0) }),
	dkimTag
);
on(
	"DELETE /domains/{name}/dkim/{selector}",
	(x) => drop(keys(x), key(x)),
	dkimTag
);

// --- accounts ---
const brief = ({ used_bytes, messages, totp, ...a }) => a;
const account = (x) =>
	one(
		x,
		x.d.accounts,
		(a) =>
			(a.address === x.args[0] || a.id === x.args[0]) && mine(x, a.domain)
	);
const full = (x, a) => ({
	...a,
	folders: 12,
	last_login: { at: ago(700), protocol: "imap", ip: "2001:db8::17" },
	forwarding: x.d.forwarding,
	aliases: x.d.aliases
		.filter((y) => y.targets.includes(a.address))
		.map((y) => y.address),
	groups: x.d.groups
		.filter((y) => y.members.includes(a.address))
		.map((y) => y.address),
	identities: ["support@example.org"],
	admin_role: null,
});
const accountTag = { match: true, tag: ([a]) => `/accounts/${a}` };
on(
	"GET /accounts",
	(x) => {
		const q = x.query,
			search = q.get("search") ?? "",
			st = q.get("status");
		return x.d.accounts
			.filter(
				(a) =>
					mine(x, a.domain) &&
					(!q.get("domain") || a.domain === q.get("domain")) &&
					(st ? a.status === st : a.status !== "removed") &&
					hit(search, a.address, a.name)
			)
			.map((a) =>
				q.get("usage") === "true"
					? {
							...brief(a),
							used_bytes: a.used_bytes,
							messages: a.messages,
						}
					: brief(a)
			);
	},
	{ list: true }
);
on("POST /accounts", (x, b) => {
	need(
		x,
		b,
		"address",
		/^[^\s@]+@[^\s@]+$/.test(b.address ?? ""),
		"that is no address"
	);
	if (x.d.accounts.some((a) => a.address === b.address))
		throw new x.Problem(409, "duplicate", "this address is taken");
	const a = {
		...x.d.accounts[0],
		id: x.d.random.hex(16),
		name: "",
		...b,
		password: undefined,
		domain: domainOf(b.address),
		created: ago(0),
		changed: ago(0),
		status: "active",
		used_bytes: 0,
		messages: 0,
		totp: false,
	};
	x.d.accounts.push(a);
	return brief(a);
});
on("GET /accounts/{address}", (x) => full(x, account(x)), {
	tag: accountTag.tag,
});
on(
	"PATCH /accounts/{address}",
	(x, b) => {
		Object.assign(account(x), b, { changed: ago(0) });
		return full(x, account(x));
	},
	accountTag
);
on(
	"DELETE /accounts/{address}",
	(x) => {
		const a = account(x);
		if (x.query.get("purge") === "true") return drop(x.d.accounts, a);
		Object.assign(a, {
			status: "removed",
			removed: ago(0),
			purge_after: ago(-30 * 86400),
		});
	},
	accountTag
);
on(
	"POST /accounts/{address}/restore",
	(x) =>
		full(
			x,
			Object.assign(account(x), {
				status: "active",
				removed: null,
				purge_after: null,
			})
		),
	accountTag
);
on(
	"PUT /accounts/{address}/password",
	(x, b) => {
		need(
			x,
			b,
			"password",
			b.password === null || b.password.length >= 10,
			"a password has at least 10 characters"
		);
		account(x);
	},
	accountTag
);
on(
	"POST /accounts/{address}/sign-out",
	(x) => {
		account(x);
	},
	accountTag
);
on(
	"DELETE /accounts/{address}/totp",
	(x) => {
		account(x).totp = false;
	},
	accountTag
);
on(
	"GET /accounts/{address}/app-passwords",
	(x) => account(x) && x.d.appPasswords,
	{ list: true }
);
on("POST /accounts/{address}/app-passwords", (x, b) => ({
	id: fresh(),
	label: b.label,
	created: ago(0),
	expires: b.expires ?? null,
	password: "abcd-efgh-ijkl-mnop",
}));
on(
	"DELETE /accounts/{address}/app-passwords/{id}",
	(x) => {
		drop(
			x.d.appPasswords,
			one(x, x.d.appPasswords, (p) => p.id === x.args[1])
		);
	},
	{ match: true }
);
on("GET /accounts/{address}/folders", (x) => account(x) && x.d.folders, {
	list: true,
});
on("GET /accounts/{address}/forwarding", (x) => x.d.forwarding, {
	tag: accountTag.tag,
});
on(
	"PUT /accounts/{address}/forwarding",
	(x, b) => Object.assign(x.d.forwarding, b),
	accountTag
);
on("POST /accounts/{address}/identities", (x, b) => {
	x.bump(accountTag.tag(x.args));
	x.status = 201;
	return { address: b.address };
});
on(
	"DELETE /accounts/{address}/identities/{identity}",
	() => undefined,
	accountTag
);
on("POST /accounts/{address}/test-message", (x) => {
	x.status = 202;
	return { id: "n1-0-0000ff-1" };
});

// --- aliases and groups ---
for (const [name, fields] of [
	["aliases", ["targets"]],
	["groups", ["name", "posters", "members"]],
]) {
	const get = (x) =>
		one(x, x.d[name], (a) => a.address === x.args[0] && mine(x, a.domain));
	const tag = {
		area: "accounts",
		match: true,
		tag: ([a]) => `/${name}/${a}`,
	};
	on(
		`GET /${name}`,
		(x) =>
			x.d[name].filter(
				(a) =>
					mine(x, a.domain) &&
					(!x.query.get("domain") ||
						a.domain === x.query.get("domain")) &&
					hit(
						x.query.get("search") ?? "",
						a.address,
						a.name,
						...(a.targets ?? a.members)
					)
			),
		{ list: true, area: "accounts" }
	);
	on(
		`POST /${name}`,
		(x, b) => {
			need(
				x,
				b,
				"address",
				/^[^\s@]+@[^\s@]+$/.test(b.address ?? ""),
				"that is no address"
			);
			if (x.d[name].some((a) => a.address === b.address))
				throw new x.Problem(409, "duplicate", "this address is taken");
			const o = { ...b, domain: domainOf(b.address), created: ago(0) };
			x.d[name].unshift(o);
			return o;
		},
		{ area: "accounts" }
	);
	on(`GET /${name}/{address}`, get, { area: "accounts", tag: tag.tag });
	on(
		`PATCH /${name}/{address}`,
		(x, b) => {
			const list = b.targets ?? b.members ?? [];
			need(
				x,
				b,
				name === "aliases" ? "targets" : "members",
				list.every((t) => t.includes("@")),
				"one of these is no address"
			);
			for (const f of fields) if (f in b) get(x)[f] = b[f];
			return get(x);
		},
		tag
	);
	on(`DELETE /${name}/{address}`, (x) => drop(x.d[name], get(x)), tag);
}

// --- queue ---
const brief1 = ({ envid, account: a, trace, recipients, ...m }) =>
	({ ...m, to: m.to.slice(0, 20), waiting: m.to.length });
const visible = (x, m) => !x.who.domain || domainOf(m.from) === x.who.domain;
const message = (x) =>
	one(x, x.d.queue, (m) => m.id === x.args[0] && visible(x, m));
const queueTag = { match: true, tag: ([id]) => `/queue/${id}` };
on(
	"GET /queue",
	(x) => {
		const q = x.query,
			from = q.get("from"),
			d = q.get("domain");
		return x.d.queue
			.filter(
				(m) =>
					visible(x, m) &&
					(!d || m.to.some((a) => domainOf(a) === d)) &&
					(!from ||
						(from[0] === "@"
							? m.from.endsWith(from)
							: m.from === from)) &&
					(!q.get("state") || m.state === q.get("state")) &&
					hit(q.get("search") ?? "", m.id, m.from, m.answer, ...m.to)
			)
			.map(brief1);
	},
	{ list: true }
);
on("GET /queue/{id}", message, { tag: queueTag.tag });
on(
	"GET /queue/{id}/message",
	(x) =>
		"Received: from [192.168.1.4] by n1\r\n" +
		`From: <script>alert(1)</script> <${message(x).from}>\r\n` +
		`Subject: =?UTF-8?Q?R=C3=BCckfrage?= ${"long ".repeat(60)}\r\n` +
		"Message-ID: <q1@example.org>\r\n\r\n<img src=x onerror=alert(1)>\r\n" +
		"Hello,\r\n\r\nline after line\r\n".repeat(30)
);
const ORDERS = {
	hold: (m) => {
		Object.assign(m, { state: "held", next: null });
	},
	release: (m) => {
		Object.assign(m, { state: "waiting", next: ago(-5) });
	},
	retry: (m) => {
		Object.assign(m, { next: ago(0) });
	},
};
for (const [order, run] of Object.entries(ORDERS))
	on(
		`POST /queue/{id}/${order}`,
		(x) => {
			run(message(x));
			return message(x);
		},
		queueTag
	);
on("DELETE /queue/{id}", (x) => drop(x.d.queue, message(x)), queueTag);
on("POST /queue/orders", (x, b) => {
	let done = 0;
	const failed = [];
	for (const [i, id] of b.ids.entries()) {
		const m = x.d.queue.find((y) => y.id === id);
		if (!m || i === 3) {
			failed.push({ id, detail: "it is being delivered now" });
			continue;
		}
		if (b.order === "remove") drop(x.d.queue, m);
		else ORDERS[b.order](m);
		done++;
	}
	x.status = 200;
	return { done, failed };
});

// --- trace ---
on("GET /trace", (x) => {
	if (!x.query.get("q"))
		throw new x.Problem(422, "bad_field", "what is looked for", "/q");
	return findTrace(x.query.get("q"), x.who.domain);
});
