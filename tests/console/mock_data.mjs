// mock_data.mjs - a cluster that does not exist, for the console's tests
//
// The same each time (a seeded generator), with times relative to now: rows by
// the thousand, and strings that somebody wrote to do harm.

import { nodes, settings, audit, history, locks } from "./mock_nodes.mjs";

export const NASTY = [
	"<script>window.pwned=1</script>",
	"<img src=x onerror=window.pwned=1>",
	'"><svg/onload=window.pwned=1>',
	"javascript:window.pwned=1",
	"\u202Egnp.exe\u202C \u05E9\u05DC\u05D5\u05DD \u05E2\u05D5\u05DC\u05DD",
	"\u0645\u062D\u0645\u062F \u0628\u0646 \u0639\u0644\u064A",
	"M\u00FCller-L\u00FCdenscheidt & S\u00F6hne 'GmbH' \"Berlin\"",
	"x".repeat(300),
	"Zo\u00EB \u{1F41F}\u{1F3F4}\u200D\u2620\uFE0F Z\u0337\u0353a\u0334l\u0336go",
	"${7*7}{{7*7}}%s%n\\u0000",
];

export function random(seed) {
	let s = seed >>> 0;
	const next = () => {
		s = (s + 0x6d2b79f5) >>> 0;
		let t = Math.imul(s ^ (s >>> 15), 1 | s);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	const r = { next, int: (n) => Math.floor(next() * n) };
	r.of = (list) => list[r.int(list.length)];
	r.hex = (n) =>
		Array.from({ length: n }, () => r.int(16).toString(16)).join("");
	return r;
}

export const at = (ms) => new Date(ms).toISOString().replace(/\.\d+Z/, "Z");
export const ago = (s) => at(Date.now() - s * 1000);
export const DAY = 86400;

const FIRST = [
	"alice",
	"bob",
	"carol",
	"dave",
	"eve",
	"frank",
	"grace",
	"heidi",
	"ivan",
	"judy",
	"karl",
	"lena",
	"mallory",
	"nina",
	"olivia",
	"peggy",
	"quentin",
	"rupert",
	"sybil",
	"trent",
	"ursula",
	"victor",
	"walter",
	"xenia",
	"yves",
	"zora",
];
const LAST = [
	"adams",
	"baker",
	"clark",
	"diaz",
	"evans",
	"fischer",
	"gruber",
	"huber",
	"ito",
	"jensen",
	"kim",
	"lopez",
	"meyer",
	"nguyen",
	"olsen",
	"patel",
	"quinn",
	"rossi",
	"schmidt",
	"tanaka",
];
const cap = (s) => s[0].toUpperCase() + s.slice(1);

function domains(r) {
	const names = [
		"example.org",
		"example.net",
		"xn--mller-kva.example",
		"suspended.example",
		...Array.from({ length: 36 }, (_, i) => `customer${i + 1}.example`),
		"a-very-long-domain-name-that-somebody-really-registered-once.example",
	];
	return names.map((name, i) => ({
		name,
		display:
			name === "xn--mller-kva.example" ? "m\u00FCller.example" : name,
		note: i < NASTY.length ? NASTY[i] : "",
		suspended: i === 3,
		created: ago((500 - i) * DAY),
		accounts: 0,
		accounts_max: i % 3 ? 0 : 500,
		quota_default: 2 ** 30 * (1 + (i % 4)),
		messages_default: 0,
		junk_keep: i % 2 ? 30 * DAY : null,
		trash_keep: null,
		separators: "+",
		message_max: 52428800,
		recipients_per_day: i % 5 ? null : 2000,
		dmarc: r.of(["published", "ignore", "quarantine"]),
		outgoing: "",
	}));
}

function accounts(r, list) {
	const out = [];
	for (let i = 0; i < 3000; i++) {
		const d = list[i < 1500 ? 0 : r.int(list.length)];
		const first = FIRST[i % FIRST.length];
		const last = LAST[Math.floor(i / FIRST.length) % LAST.length];
		const again = Math.floor(i / (FIRST.length * LAST.length));
		const quota = 2 ** 30 * (1 + r.int(5));
		d.accounts++;
		out.push({
			id: r.hex(16),
			address: `${first}.${last}${again || ""}@${d.name}`,
			domain: d.name,
			name: i < NASTY.length ? NASTY[i] : `${cap(first)} ${cap(last)}`,
			status:
				i % 97 === 96
					? "removed"
					: i % 41 === 40
						? "suspended"
						: "active",
			created: ago(r.int(400) * DAY + 3600),
			changed: ago(r.int(90000)),
			removed: i % 97 === 96 ? ago(2 * DAY) : null,
			purge_after: i % 97 === 96 ? ago(-28 * DAY) : null,
			quota_bytes: quota,
			quota_messages: 0,
			password_changed: ago(9 * DAY),
			used_bytes: Math.floor(quota * r.next() * (i % 17 ? 1 : 1.02)),
			messages: r.int(40000),
			totp: i % 7 === 0,
		});
	}
	out[0].address = "alice@example.org";
	out[0].name = "Alice Adams";
	out[1].name = NASTY[0];
	return out;
}

function aliases(r, list, people) {
	const out = [];
	for (let i = 0; i < 400; i++) {
		const d = list[i < 200 ? 0 : r.int(list.length)];
		out.push({
			address: `alias${i}@${d.name}`,
			domain: d.name,
			targets: Array.from(
				{ length: i === 7 ? 120 : 1 + r.int(3) },
				() => r.of(people).address
			),
			created: ago(r.int(300) * DAY),
		});
	}
	for (const [i, n] of ["info", "postmaster", "abuse", "sales"].entries())
		out[i].address = `${n}@example.org`;
	out[4].targets = [
		"somebody@elsewhere.example",
		`${"y".repeat(64)}@elsewhere.example`,
	];
	return out;
}

function groups(r, list, people) {
	return Array.from({ length: 80 }, (_, i) => {
		const d = list[i < 40 ? 0 : r.int(list.length)];
		return {
			address: `group${i}@${d.name}`,
			domain: d.name,
			name: i < NASTY.length ? NASTY[i] : `Group ${i}`,
			posters: ["anyone", "domain", "members"][i % 3],
			members: Array.from(
				{ length: i === 3 ? 400 : r.int(12) },
				() => r.of(people).address
			),
			created: ago(r.int(300) * DAY),
		};
	});
}

const ANSWERS = [
	[451, "451 4.7.1 Greylisted, please try again in 300 seconds"],
	[421, "421 4.3.2 Too many connections from your address"],
	[452, "452 4.2.2 Mailbox full"],
	[null, "no answer from mx1.slow.example [192.0.2.7]:25 within 60 seconds"],
	[null, "the DNS says nothing about nowhere.example: SERVFAIL"],
	[454, "454 4.7.5 " + NASTY[1]],
	[
		450,
		"450 4.1.8 " + "Sender address rejected, domain not found; ".repeat(9),
	],
];
const REMOTE = [
	"slow.example",
	"mail.example.com",
	"full.example",
	"nowhere.example",
	"elsewhere.example",
];

function queue(r, people, nodes) {
	const out = [];
	for (let i = 0; i < 2400; i++) {
		const tries = i % 9 === 0 ? 0 : 1 + r.int(14);
		const arrived = 60 + r.int(4 * DAY);
		const [code, answer] = tries ? r.of(ANSWERS) : [null, null];
		const n = i === 5 ? 150 : 1 + r.int(3);
		const held = i % 23 === 22;
		const recipients = Array.from({ length: n }, (_, k) => {
			const state =
				k === 0 ? "waiting" : r.of(["waiting", "delivered", "failed"]);
			return {
				address: `${r.of(FIRST)}${k}@${r.of(REMOTE)}`,
				state,
				tries,
				tried: tries ? ago(r.int(3600)) : null,
				next: state === "waiting" && !held ? ago(-r.int(14000)) : null,
				code: state === "delivered" ? 250 : code,
				answer: state === "delivered" ? "250 2.0.0 Ok: queued" : answer,
				node: tries ? r.of(nodes).name : null,
			};
		});
		const who = r.of(people);
		out.push({
			id: `${r.int(64)}-${r.hex(12)}`,
			state: held ? "held" : "waiting",
			arrived: ago(arrived),
			bytes: 900 + r.int(4e6),
			from: i % 31 === 30 ? "" : who.address,
			to: recipients
				.filter((x) => x.state === "waiting")
				.map((x) => x.address),
			tries,
			next: recipients[0].next,
			node: r.of(nodes).name,
			answer,
			code,
			envid: i % 11 ? null : `QQ${r.hex(8)}`,
			account: who.id,
			trace: `${r.of(nodes).name}-1-${r.hex(6)}-1`,
			recipients,
		});
	}
	return out;
}

export function makeData() {
	const r = random(5);
	const d = { random: r };
	d.domains = domains(r);
	d.accounts = accounts(r, d.domains);
	d.aliases = aliases(r, d.domains, d.accounts);
	d.groups = groups(r, d.domains, d.accounts);
	d.nodes = nodes(r);
	d.queue = queue(r, d.accounts, d.nodes.slice(0, 2));
	d.settings = settings();
	d.audit = audit(r, d.accounts);
	d.history = history(r, d.nodes);
	d.locks = locks(r, d.nodes);
	d.admins = [
		["eve", "Eve Evans", "system", null, true],
		["carol", NASTY[0], "system", null, false],
		["dora", "Dora Diaz", "domain", "example.org", false],
		["rolf", NASTY[4], "readonly", null, false],
		["reader", "Reads one domain", "readonly", "example.net", true],
	].map(([login, name, role, domain, totp], i) => ({
		login,
		name,
		role,
		domain,
		totp,
		created: ago((300 - i * 40) * DAY),
	}));
	d.invites = [
		{
			id: r.hex(8),
			login: "frank",
			role: "domain",
			domain: "example.net",
			by: null,
			created: ago(3000),
			expires: ago(-80000),
		},
		{
			id: "2f8a91c4",
			login: null,
			role: "readonly",
			domain: null,
			by: "carol",
			created: ago(2000),
			expires: ago(-40000),
		},
	];
	d.certificates = [
		{
			id: r.hex(16),
			names: ["mail.example.org", "*.example.org"],
			created: ago(29 * DAY),
			expires: ago(-61 * DAY),
		},
		{
			id: r.hex(16),
			names: [NASTY[1]],
			created: ago(400 * DAY),
			expires: ago(2 * DAY),
		},
	];
	d.routes = [
		{
			pattern: "*",
			hosts: "[smarthost.example]:587",
			tls: "verify",
			user: "shoal",
			note: NASTY[0],
			created: ago(9 * DAY),
			password_set: true,
		},
		{
			pattern: "elsewhere.example",
			hosts: "mx.elsewhere.example " + "mx2.elsewhere.example",
			tls: "may",
			user: "",
			note: "",
			created: ago(8 * DAY),
			password_set: false,
		},
	];
	d.dkim = new Map();
	for (const x of d.domains)
		d.dkim.set(x.name, [
			{
				selector: "s1",
				algorithm: "rsa",
				stage: "active",
				node: null,
				created: ago(40 * DAY),
				activated: ago(39 * DAY),
				retired: null,
				record: "v=DKIM1; k=rsa; p=" + "MIIBIjANBg".repeat(38),
			},
			{
				selector: "s2",
				algorithm: "ed25519",
				stage: "new",
				node: null,
				created: ago(DAY),
				activated: null,
				retired: null,
				record: "v=DKIM1; k=ed25519; p=" + "A1b2C3".repeat(7),
			},
		]);
	d.folders = [
		"INBOX",
		"Archive",
		"Archive/2025",
		"Drafts",
		"Sent",
		"Junk",
		"Trash",
		NASTY[0],
		NASTY[5],
		"y".repeat(200),
	].map((name, i) => ({
		name,
		use: ["Drafts", "Sent", "Junk", "Trash"].includes(name)
			? name.toLowerCase()
			: null,
		messages: r.int(9000),
		unseen: r.int(90),
		bytes: r.int(4e8) * (i === 1 ? 4 : 1),
	}));
	d.appPasswords = [
		{ id: "a1", label: "Phone", created: ago(8e5), expires: null },
		{
			id: "a2",
			label: "<script>window.pwned=1</script>",
			created: ago(9e6),
			expires: ago(-8e6),
		},
	];
	d.tokens = [
		{
			id: "t1",
			owner: "eve",
			label: "Monitoring",
			scopes: ["nodes:read", "queue:read"],
			created: ago(9e5),
			expires: null,
		},
	];
	d.forwarding = { targets: ["carol@elsewhere.example"], keep: true };
	return d;
}
