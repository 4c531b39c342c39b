// test_models.mjs - what the console makes of the API's answers, without a page
//
//	node --test tests/console/test_models.mjs
import assert from "node:assert/strict";
import { test } from "node:test";
import * as chart from "../../server/console/src/chart_model.js";
import * as nodes from "../../server/console/src/nodes_model.js";
import * as settings from "../../server/console/src/settings_model.js";
import * as trace from "../../server/console/src/trace_model.js";
import { makeData, NASTY } from "./mock_data.mjs";
import { findTrace } from "./mock_trace.mjs";

test("a message that was relayed in parts is told by recipient", () => {
	const all = trace.stories(findTrace("alice@example.org", null));
	const s = all.find((x) => x.queue !== "" && x.recipients.length === 3);

	assert.equal(s.from, "alice@example.org");
	assert.equal(s.verdict, "failed");
	assert.equal(s.bounced, true);
	assert.deepEqual(s.nodes, ["n2", "n1"]);
	assert.deepEqual(
		s.recipients.map((r) => [r.state, r.node]),
		[
			["delivered", "n1"],
			["failed", "n1"],
			["failed", "n1"],
		]
	);
	assert.deepEqual(
		s.steps.map((x) => x.key),
		[
			"trace.step.smtp.submitted",
			"trace.step.relay.deferred",
			"trace.step.relay.delivered",
			"trace.step.relay.failed",
			"trace.step.bounce",
		]
	);
	assert.equal(s.steps[1].after_ms, 1500);
});

test("deliveries count more than the session that brought them", () => {
	const all = trace.stories(findTrace("alice@example.org", null));
	const s = all.find((x) => x.msgid.includes("elsewhere"));

	assert.deepEqual(
		s.recipients.map((r) => r.state),
		["delivered", "deferred", "refused"]
	);
	assert.equal(s.verdict, "refused");
	assert.equal(s.recipients[2].answer, "550 5.1.1 No such user here");
	assert.equal(s.steps.at(-1).codes.length, 3);
});

test("a later try replaces what an earlier one said", () => {
	const e = (t, verdict, next) => ({
		t,
		at: `${t}`,
		e: "relay",
		node: "n1",
		queue: "1-a",
		rcpt: "a@b",
		verdict,
		next,
	});
	const s = trace.story({ events: [e(3, "delivered"), e(1, "deferred", 9)] });

	assert.equal(s.recipients.length, 1);
	assert.equal(s.recipients[0].state, "delivered");
	assert.equal(s.recipients[0].next, null);
	const d = trace.story({ events: [e(1, "deferred", 9)] });
	assert.equal(d.recipients[0].next, 9);
	assert.equal(d.tone, "warn");
});

test("events of strangers and of later versions do no harm", () => {
	const odd = [
		{ events: [{ t: 1, at: "x", e: "constructor", rcpt: { a: 1 } }] },
		{ events: [null, 5, { t: 2, e: "smtp", rcpt: [null, 1], codes: 7 }] },
		{ events: [{ t: 3, e: "newkind", what: NASTY[2], list: [1, "b"] }] },
		{ events: "no" },
		{},
		null,
	];
	const s = trace.stories({ groups: odd });

	assert.equal(s.length, 3);
	assert.ok(s.every((x) => x.steps.every((y) => typeof y.key === "string")));
	assert.equal(trace.story(odd[0]).steps[0].key, "trace.step.other");
	const f = trace.story(odd[2]).steps[0].facts;
	assert.deepEqual(
		f.map((x) => [x.key, x.known]),
		[
			["list", false],
			["what", false],
		]
	);
	assert.deepEqual(trace.stories(null), []);
});

test("a dialogue says who spoke", () => {
	assert.deepEqual(
		trace.dialogue(["< 220 x", "> EHLO > y", "cut here", ""]),
		[
			{ by: "server", text: "220 x" },
			{ by: "client", text: "EHLO > y" },
			{ by: "note", text: "cut here" },
			{ by: "note", text: "" },
		]
	);
});

test("moments are ago or a date", () => {
	const now = Date.parse("2026-11-30T12:00:00Z");
	const cases = [
		["2h", "2026-11-30T10:00:00Z"],
		["3d", "2026-11-27T12:00:00Z"],
		["1w", "2026-11-23T12:00:00Z"],
		["2026-11-29T10:00:00Z", "2026-11-29T10:00:00Z"],
		["", null],
		["soon", null],
		["5y", null],
	];

	for (const [value, want] of cases)
		assert.equal(trace.moment(value, now), want, value);
});

test("a search's form shows the period that was searched", () => {
	const now = Date.parse("2026-11-30T06:00:00Z");
	const shown = (since, until) => trace.period(since, until, now);

	assert.deepEqual(shown("", ""), { span: "1d", from: "", to: "" });
	assert.deepEqual(shown("30d", ""), { span: "30d", from: "", to: "" });
	// what an input holds is the same moment again, in any zone
	for (const [since, minute] of [
		["2026-11-27T05:50:59Z", "2026-11-27T05:50:00Z"],
		["3d", "2026-11-27T06:00:00Z"],
	]) {
		const w = shown(since, "");
		assert.equal(w.span, "from");
		assert.equal(trace.moment(w.from, now), minute);
		assert.deepEqual(shown(w.from, ""), w);
	}
	assert.equal(
		trace.moment(shown("30d", "2026-11-29T00:00:00Z").to, now),
		"2026-11-29T00:00:00Z"
	);
	assert.equal(shown("nonsense", "").from, "");
});

test("a link into the trace reaches back to the arrival", () => {
	assert.equal(trace.trace_of("a b@c"), "/trace?q=a%20b%40c");
	assert.equal(
		trace.trace_of("<x>", "30d", "2026-11-29T00:00"),
		"/trace?q=%3Cx%3E&since=30d&until=2026-11-29T00%3A00"
	);
	assert.equal(
		trace.since_arrival("2026-11-27T06:00:00Z"),
		"2026-11-27T05:50:00Z"
	);
	assert.match(trace.since_arrival(undefined), /^2\d{3}-/);
});

test("samples of nodes share one axis, with gaps as gaps", () => {
	const at = (s) => new Date(1e12 + s * 1000).toISOString();
	const h = {
		step_s: 30,
		nodes: [
			{
				name: "a",
				samples: [0, 30, 120].map((s) => ({
					at: at(s + 10),
					sessions: s,
				})),
			},
			{
				name: "b",
				samples: [
					{ at: at(41), sessions: 5 },
					{ at: "never", sessions: 1 },
					{ at: at(71), sessions: "x" },
				],
			},
		],
	};
	const c = chart.columns(h, "sessions");

	assert.deepEqual(
		c.x.map((x) => x - c.x[0]),
		[0, 30, 60, 90, 120]
	);
	assert.deepEqual(c.series[0].values, [0, 30, null, null, 120]);
	assert.deepEqual(c.series[1].values, [null, 5, null, null, null]);
	const sum = chart.total(c, "all");
	assert.deepEqual(sum.series[0].values, [0, 35, null, null, 120]);
	assert.deepEqual(chart.summary(sum.series[0].values), {
		last: 120,
		min: 0,
		max: 120,
	});
	assert.equal(chart.summary([null]), null);
	assert.deepEqual(chart.columns(null, "sessions"), { x: [], series: [] });
});

test("a clock that is off makes no million points", () => {
	const h = {
		step_s: 30,
		nodes: [
			{
				name: "a",
				samples: [
					{ at: "1970-01-01T00:00:00Z", sessions: 1 },
					{ at: "2026-01-01T00:00:00Z", sessions: 2 },
				],
			},
		],
	};

	assert.ok(chart.columns(h, "sessions").x.length <= 241);
});

test("nodes: what needs somebody comes first", () => {
	const d = makeData();
	const now = Date.now();

	assert.deepEqual(
		nodes.sorted(d.nodes).map((n) => Number(n.id[0])),
		[3, 2, 1, 5, 4]
	);
	assert.deepEqual(
		d.nodes.map((n) => nodes.state(n).key),
		["ready", "draining", "silent", "left", "unseen"]
	);
	assert.deepEqual(nodes.orders(d.nodes[0]), {
		drain: true,
		serve: false,
		remove: false,
	});
	assert.deepEqual(nodes.orders(d.nodes[1]), {
		drain: false,
		serve: true,
		remove: false,
	});
	assert.deepEqual(nodes.orders(d.nodes[3]), {
		drain: false,
		serve: false,
		remove: true,
	});
	assert.equal(nodes.certificate(d.nodes[1], now).tone, "warn");
	assert.equal(nodes.certificate(d.nodes[0], now).tone, "ok");
	assert.equal(
		nodes.certificate(
			{ ...d.nodes[0], cert_expires: "2020-01-01T00:00:00Z" },
			now
		).tone,
		"bad"
	);
	assert.equal(nodes.progress(d.nodes[1], 74), 0.5);
	assert.equal(nodes.progress(d.nodes[1], 0), null);
	assert.equal(nodes.progress(d.nodes[0], 10), null);
});

test("locks are summed up by kind", () => {
	const sum = nodes.lock_summary(makeData().locks);
	const q = sum.find((k) => k.kind === "queue");

	assert.equal(q.held, 62);
	assert.equal(q.free, 1);
	assert.equal(q.bad, 1);
	assert.deepEqual(q.nodes, [
		{ name: "n1", n: 32 },
		{ name: "n2", n: 30 },
	]);
});

test("settings are found, and what is nothing for them", () => {
	const list = makeData().settings;
	const g = settings.groups(list, "message size", false);

	assert.ok(g.some((x) => x.list.some((s) => s.name === "message.max_size")));
	assert.deepEqual(
		settings
			.groups(list, "", true)
			.flatMap((x) => x.list.map((s) => s.name)),
		["client.host", "net.connections", "net.exempt", "queue.lifetime"].sort(
			(a, b) => a.split(".")[0].localeCompare(b.split(".")[0])
		)
	);
	const cases = [
		["bytes", "50M", 52428800],
		["bytes", "7", 7],
		["bytes", "10m", 10485760],
		["duration", "30d", 2592000],
		["duration", "0", 0],
		["number", "20", 20],
		["duration", "5y", null],
	];
	for (const [type, value, n] of cases) {
		assert.equal(settings.amount(type, value), n, value);
	}
	assert.equal(settings.short("duration", 300), "5m");
	assert.equal(settings.short("duration", 90), "90s");
	assert.equal(settings.short("bytes", 1048576), "1M");
	assert.equal(settings.short("bytes", 1000), "1000");
	const s = list.find((x) => x.name === "imap.idle_timeout");
	for (const [value, want] of [
		["30m", null],
		["59s", "range"],
		["25h", "range"],
		["", "form"],
		["-1", "form"],
		["1x", "form"],
	])
		assert.equal(settings.wrong(s, value), want, value);
	const b = list.find((x) => x.type === "bool");
	assert.equal(settings.wrong(b, "yes"), null);
	assert.equal(settings.wrong(b, "maybe"), "form");
});
