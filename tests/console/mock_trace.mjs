// mock_trace.mjs - what nodes that do not exist wrote down about a message
import { NASTY } from "./mock_data.mjs";

function event(t, e, rest) {
	return { t, at: new Date(t).toISOString(), e, ...rest };
}

const TLS = "TLSv1.3 TLS_AES_256_GCM_SHA384";

function spoken(from, rcpts, last) {
	return [
		"< 220 mx1.example.org ESMTP",
		"> EHLO relay.elsewhere.example",
		"< 250 ENHANCEDSTATUSCODES",
		"> STARTTLS",
		"< 220 2.0.0 Go ahead",
		"> EHLO relay.elsewhere.example",
		"< 250 SIZE 52428800",
		`> MAIL FROM:<${from}> SIZE=48211`,
		"< 250 2.1.0 Ok",
		...rcpts.flatMap((x, i) => [
			`> RCPT TO:<${x}>`,
			i === 2 ? "< 550 5.1.1 No such user here" : "< 250 2.1.5 Ok",
		]),
		"> DATA",
		"< 354 Go ahead",
		"> (48211 bytes)",
		last,
	];
}

// In, delivered on two nodes.
function delivered(now, who) {
	const t = now - 5 * 3600e3,
		id = "n1-2-0004d1-1",
		msgid = "<20261130.1@elsewhere.example>";
	const from = "newsletter@elsewhere.example";
	const rcpt = [who, "bob.baker@example.org", "nobody@example.org"];
	return [
		event(t + 420, "smtp", {
			node: "n1",
			id,
			verdict: "accepted",
			code: 250,
			answer: `2.0.0 Ok: ${id}`,
			from,
			rcpt,
			codes: ["250", "250", "550 5.1.1 No such user here"],
			msgid,
			ip: "198.51.100.17",
			helo: "relay.elsewhere.example",
			tls: TLS,
			spf: "pass",
			dkim: "pass (elsewhere.example)",
			dmarc: "pass",
			bytes: 48211,
			ms: 420,
			log: spoken(from, rcpt, `< 250 2.0.0 Ok: ${id}`),
		}),
		event(t + 380, "deliver", {
			node: "n1",
			id,
			verdict: "delivered",
			from,
			rcpt: who,
			account: "1c0ffee00badcafe",
			msgid,
			bytes: 48211,
			ms: 31,
			uid: 812,
		}),
		event(t + 390, "deliver", {
			node: "n1",
			id,
			verdict: "deferred",
			from,
			rcpt: rcpt[1],
			account: "2c0ffee00badcafe",
			msgid,
			bytes: 48211,
			ms: 2900,
			answer: "the share does not answer",
		}),
	];
}

// Submitted, deferred on n1, taken over by n2, partly delivered, bounced.
function relayed(now, who) {
	const t = now - 30 * 3600e3,
		id = "n2-0-00aa17-3",
		queue = "17-5d3c0a1b22ff";
	const rcpt = [
		"carol@slow.example",
		"dave@slow.example",
		`${NASTY[1]}@slow.example`,
	];
	const common = {
		id,
		queue,
		from: who,
		account: "1c0ffee00badcafe",
		bytes: 21007,
	};
	return [
		event(t, "smtp", {
			node: "n2",
			id,
			queue,
			verdict: "accepted",
			code: 250,
			answer: `2.0.0 Ok: ${id}`,
			from: who,
			rcpt,
			codes: ["250", "250", "250"],
			msgid: "<q1@example.org>",
			ip: "203.0.113.9",
			helo: "[192.168.1.4]",
			user: who,
			tls: TLS,
			bytes: 21007,
			ms: 97,
			log: [
				"< 220 n2 ESMTP",
				"> EHLO [192.168.1.4]",
				"> AUTH ...",
				"< 235 2.7.0 Welcome",
				`> MAIL FROM:<${who}>`,
				"< 250 2.1.0 Ok",
			],
		}),
		event(t + 1500, "relay", {
			node: "n2",
			...common,
			rcpt,
			verdict: "deferred",
			code: 451,
			answer: "451 4.7.1 Greylisted, please try again",
			next: Math.floor(t / 1000) + 300,
			host: "mx1.slow.example [192.0.2.7]:25",
			tls: TLS,
			log: [
				"< 220 mx1.slow.example",
				"> EHLO n2.example.org",
				"< 250 STARTTLS",
				"> MAIL FROM:<...>",
				"< 451 4.7.1 Greylisted",
			],
		}),
		event(t + 301000, "relay", {
			node: "n1",
			...common,
			rcpt: [rcpt[0]],
			verdict: "delivered",
			code: 250,
			answer: "250 2.0.0 Ok: queued as 4XyZ",
			host: "mx1.slow.example [192.0.2.7]:25",
			tls: TLS,
		}),
		event(t + 301002, "relay", {
			node: "n1",
			...common,
			rcpt: rcpt.slice(1),
			verdict: "failed",
			code: 550,
			answer: `550 5.1.1 ${NASTY[0]} unknown`,
			host: "mx1.slow.example [192.0.2.7]:25",
			tls: TLS,
		}),
		event(t + 302000, "bounce", {
			node: "n1",
			...common,
			rcpt: who,
			verdict: "failed",
		}),
	];
}

function refused(now, who, i) {
	const t = now - (2 + i) * 3600e3 - i * 61e3;
	const helo = NASTY[i % NASTY.length];
	return [
		event(t, "smtp", {
			node: i % 2 ? "n1" : "n2",
			id: `n1-0-00b${i}-r1`,
			verdict: ["refused", "deferred", "dropped"][i % 3],
			code: 554,
			answer: "5.7.1 The sender's domain asks to refuse this",
			from: i % 4 ? `spam${i}@bulk.example` : "",
			rcpt: [who],
			ip: "2001:db8::bad:1",
			helo,
			spf: "fail",
			dkim: "none",
			dmarc: "fail (reject)",
			ms: 1200,
			cut: i === 1,
			log: [
				"< 220 mx1.example.org ESMTP",
				`> EHLO ${helo}`,
				"< 250 ENHANCEDSTATUSCODES",
				"> MAIL FROM:<spam@bulk.example>",
				"< 554 5.7.1 The sender's domain asks to refuse this",
			],
		}),
	];
}

// A domain's administrator sees what is of his domain.
export function findTrace(q, domain) {
	const now = Date.now();
	if (!q || q.startsWith("nothing")) return { groups: [], more: false };
	let who =
		q.includes("@") && !q.startsWith("@") && !q.startsWith("<")
			? q
			: "alice@example.org";
	if (domain && !who.endsWith(`@${domain}`))
		return { groups: [], more: false };
	if (who.length > 200) who = who.slice(0, 200);
	const many = q.startsWith("@") ? 300 : 7;
	const groups = [
		relayed(now, who),
		delivered(now, who),
		...Array.from({ length: many }, (_, i) => refused(now, who, i)),
		[
			event(now - 1000, "order", {
				node: "n1",
				queue: "17-5d3c0a1b22ff",
				verdict: "retry",
				user: "admin:eve",
			}),
		],
		[
			event(now - 900, "newkind", {
				node: "n9",
				id: "n9-1",
				what: NASTY[2],
				number: 5,
				list: [1, "two"],
			}),
		],
	];
	return { groups: groups.map((events) => ({ events })), more: many > 7 };
}
