// mock_nodes.mjs - the machines of a cluster that does not exist
import { NASTY, DAY, ago, at } from "./mock_data.mjs";

export function nodes(r) {
	const common = { format: 4, sends: true, note: "", drain: false };
	const live = { life: "alive", certificate: "file" };
	return [
		{
			id: "1111111111111111",
			name: "n1",
			...common,
			...live,
			ready: "ready",
			version: "0.5.0",
			sessions: 412,
			load: 0.42,
			nfs_latency_us: 810,
			cert_expires: ago(-61 * DAY),
			hint: "192.0.2.11:2001",
			age_s: 2,
			joined: ago(200 * DAY),
			self: true,
			session: r.hex(16),
			entry: 48211,
		},
		{
			id: "2222222222222222",
			name: "n2",
			...common,
			...live,
			ready: "draining",
			drain: true,
			version: "0.5.0",
			sessions: 37,
			load: 2.75,
			nfs_latency_us: 14200,
			cert_expires: ago(-3 * DAY),
			hint: "192.0.2.12:2001",
			age_s: 4,
			joined: ago(190 * DAY),
			self: false,
			session: r.hex(16),
			entry: 91,
			note: "rack 7, disk is to be exchanged " + NASTY[0],
		},
		{
			id: "3333333333333333",
			name: "n3-with-a-name-that-is-longer-than-most",
			...common,
			life: "silent",
			certificate: "self",
			ready: "unready",
			version: "0.4.2",
			sessions: 0,
			load: 0,
			nfs_latency_us: 0,
			cert_expires: null,
			hint: "",
			age_s: 341,
			joined: ago(20 * DAY),
			self: false,
			session: r.hex(16),
			entry: 3,
		},
		{
			id: "4444444444444444",
			name: "n4",
			...common,
			life: "left",
			certificate: "none",
			ready: null,
			version: "0.4.2",
			sessions: 0,
			load: 0,
			nfs_latency_us: 0,
			cert_expires: null,
			hint: "",
			age_s: 86400 * 12,
			joined: ago(90 * DAY),
			self: false,
			session: null,
			entry: 77102,
			sends: false,
		},
		{
			id: "5555555555555555",
			name: "n5",
			...common,
			life: "unseen",
			certificate: "none",
			ready: null,
			version: "",
			sessions: 0,
			load: 0,
			nfs_latency_us: 0,
			cert_expires: null,
			hint: "",
			age_s: 0,
			joined: ago(3600),
			self: false,
			session: null,
			entry: 0,
			sends: false,
		},
	];
}

const S = (name, type, def, min, max, help) => ({
	name,
	value: def,
	default: def,
	is_default: true,
	type,
	min,
	max,
	help,
	node_value: null,
});
export function settings() {
	const list = [
		S(
			"account.quota",
			"bytes",
			"1G",
			0,
			2 ** 50,
			"Quota of a new account, where its domain names none; 0: none."
		),
		S(
			"account.remove_grace",
			"duration",
			"30d",
			0,
			3650 * DAY,
			"How long a removed account can be restored."
		),
		S(
			"audit.keep",
			"duration",
			"365d",
			DAY,
			3650 * DAY,
			"How long the audit is kept."
		),
		S(
			"auth.allow_plaintext",
			"bool",
			"no",
			0,
			1,
			"Let passwords cross the network in clear: logins without TLS."
		),
		S(
			"auth.failure_delay",
			"duration",
			"2s",
			0,
			60,
			"How long a failed login is answered later, at least."
		),
		S(
			"auth.failures_max",
			"number",
			"20",
			3,
			100000,
			"Recent failed logins of an account or network after which more are " +
				"refused unlooked at; they are forgotten by half every ten minutes."
		),
		S(
			"client.host",
			"text",
			"",
			null,
			253,
			"Name by which mail programs reach the service."
		),
		S(
			"dmarc.enforce",
			"bool",
			"yes",
			0,
			1,
			"Whether the DMARC policy of a sender's domain is obeyed."
		),
		S(
			"imap.idle_timeout",
			"duration",
			"30m",
			60,
			86400,
			"How long an IMAP client may be silent, in IDLE too (RFC 9051, 5.4: " +
				"at least 30 minutes)."
		),
		S(
			"imap.line_max",
			"bytes",
			"64K",
			1024,
			1048576,
			"Longest IMAP command without its literals."
		),
		S(
			"imap.sessions_per_account",
			"number",
			"20",
			1,
			10000,
			"IMAP sessions of one account from one client on one node."
		),
		S(
			"message.max_size",
			"bytes",
			"50M",
			65536,
			2 ** 31,
			"Largest message."
		),
		S(
			"net.connections",
			"number",
			"65536",
			16,
			1000000,
			"Connections of one node; at nine tenths of them new ones are refused."
		),
		S(
			"net.exempt",
			"text",
			"127.0.0.0/8 ::1",
			null,
			4096,
			"Networks whose connections and failed logins are not limited."
		),
		S(
			"password.min_length",
			"number",
			"10",
			1,
			100,
			"Shortest password that is taken."
		),
		S(
			"queue.lifetime",
			"duration",
			"5d",
			1,
			30 * DAY,
			"How long outgoing mail is tried before its sender is told that it " +
				"failed."
		),
		S(
			"queue.per_destination",
			"number",
			"10",
			1,
			1000,
			"Sessions of one node with the hosts of one destination at once."
		),
		S(
			"queue.retry_first",
			"duration",
			"5m",
			1,
			DAY,
			"When outgoing mail is tried again after it failed for the first time."
		),
		S(
			"queue.retry_max",
			"duration",
			"4h",
			1,
			7 * DAY,
			"Longest time between two tries."
		),
		S(
			"retention.junk",
			"duration",
			"0",
			0,
			3650 * DAY,
			"How long mail stays in Junk, for domains that say nothing else; 0: " +
				"for ever."
		),
		S(
			"smtp.bare_newline",
			"text",
			"refuse",
			null,
			16,
			"Messages with bare LF: refuse or normalise."
		),
		S(
			"smtp.recipients_max",
			"number",
			"1000",
			100,
			100000,
			"Recipients of one message."
		),
		S(
			"submission.check_from",
			"bool",
			"yes",
			0,
			1,
			"Whether all addresses in the From field of what is submitted must be " +
				"the account's, too."
		),
		S(
			"trace.keep",
			"duration",
			"30d",
			0,
			3650 * DAY,
			"How long it is known what happened to a message; 0: nothing is " +
				"written down."
		),
	];
	const set = (name, value) =>
		Object.assign(
			list.find((x) => x.name === name),
			{ value, is_default: false }
		);
	set("queue.lifetime", "3d");
	set("client.host", "mail.example.org");
	set("net.exempt", `10.0.0.0/8 ${NASTY[1]}`);
	list.find((x) => x.name === "net.connections").node_value = "1024";
	return list;
}

export function audit(r, people) {
	const what = [
		"account.add",
		"account.password",
		"account.quota",
		"account.suspend",
		"alias.set",
		"domain.add",
		"group.set",
		"node.drain",
		"queue.remove",
		"setting.set",
		"session.begin",
		"admin.add",
	];
	return Array.from({ length: 5000 }, (_, i) => ({
		id: 100000 - i,
		at: ago(i * 1700 + r.int(900)),
		who: r.of([
			"admin:eve",
			"admin:carol",
			"admin:bob",
			"ctl:root@n1",
			"token:4f2a:eve",
			`user:${people[0].address}`,
			"node:n2",
		]),
		what: r.of(what),
		object: i % 50 === 3 ? r.of(NASTY) : r.of(people).address,
		detail:
			i % 41 === 5
				? r.of(NASTY)
				: r.of([
						"",
						"quota_bytes: 1G -> 2G",
						"by shoalctl",
						"targets: info@example.org",
					]),
	}));
}

export function history(r, list) {
	const end = Math.floor(Date.now() / 30000) * 30000;
	return list
		.filter((n) => n.life === "alive" || n.life === "silent")
		.map((n, k) => ({
			id: n.id,
			name: n.name,
			samples: Array.from({ length: 120 }, (_, i) => {
				const wave = 1 + Math.sin(i / 14 + k);
				const gone =
					(k === 2 && i > 108) || (k === 1 && i > 40 && i < 52);
				return gone
					? null
					: {
							at: at(end - (119 - i) * 30000),
							sessions: Math.round(
								180 * wave + r.int(30) + 40 * k
							),
							load: +(0.4 * wave + r.next() / 5).toFixed(2),
							nfs_latency_us: Math.round(
								600 +
									400 * wave +
									r.int(200) +
									(k === 1 && i > 90 ? 12000 : 0)
							),
							messages_in: +(6 * wave + r.next()).toFixed(2),
							delivered: +(5 * wave + r.next()).toFixed(2),
							relayed: +(1.5 * wave + r.next() / 2).toFixed(2),
							rejected: +(3 * r.next()).toFixed(2),
							logins: +(2 * wave).toFixed(2),
						};
			}).filter((x) => x),
		}));
}

export function locks(r, list) {
	const out = [];
	for (let i = 0; i < 64; i++)
		out.push({
			resource: `queue/${String(i).padStart(2, "0")}`,
			state: i === 9 ? "orphan" : i === 33 ? "free" : "held",
			node: i === 33 ? null : list[i === 9 ? 2 : i % 2].name,
			token: 100 + i * 7,
			since: i === 33 ? null : ago(r.int(90000)),
			age_s: i === 33 ? 0 : r.int(9),
		});
	for (const name of ["jobs", "state/ckpt", "account/1c0ffee00badcafe"])
		out.push({
			resource: name,
			state: "held",
			node: "n1",
			token: 5512,
			since: ago(5000),
			age_s: 3,
		});
	out.push({
		resource: `odd/${NASTY[1]}`,
		state: "unreadable",
		node: null,
		token: 0,
		since: null,
		age_s: 0,
	});
	return out;
}
