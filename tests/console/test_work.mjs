// test_work.mjs - what is done on the pages of a running cluster and of oneself,
// in Chromium before an API from memory
import assert from "node:assert/strict";
import test, { after, afterEach, before, beforeEach } from "node:test";
import { NASTY } from "./mock_data.mjs";
import { openMock, quiet, signIn, until } from "./mock_page.mjs";
import { t } from "./texts.mjs";

let m, page;

before(async () => {
	m = await openMock("work");
});
after(() => m?.close());
beforeEach(() => m.control({ reset: true }));
afterEach(async () => {
	const wrong = page?.wrong ?? [];

	await page?.context().close();
	page = undefined;
	assert.deepEqual(wrong, []);
});

const button = (name, within = page) =>
	within.getByRole("button", { name, exact: true });
const field = (name, within = page) => within.getByLabel(name, { exact: true });
const dialog = () => page.getByRole("dialog");
const sees = (text, within = page) => within.getByText(text).first().waitFor();
const holds = (locator, value) =>
	until(`${locator} is ${value}`, async () =>
		(await locator.inputValue()) === value
	);
const closes = () => dialog().waitFor({ state: "detached" });
const asks_trace = (text) =>
	until(`a search with ${text}`, () =>
		m.mock.log.findLast((x) => x.includes("/trace?"))?.includes(text)
	);

const queued = () => m.mock.data.queue[5].id;

// --- who sees what ---

test("a domain's administrator has his pages and no others", async () => {
	page = await signIn(m, "dora", "/queue");
	const links = await page.locator("#nav a").allInnerTexts();

	for (const [key, seen] of [
		["nav.queue", true],
		["nav.trace", true],
		["nav.aliases", true],
		["nav.audit", true],
		["nav.overview", false],
		["nav.nodes", false],
		["nav.settings", false],
		["nav.admins", false],
	])
		assert.equal(links.includes(t(key)), seen, key);
	await quiet(page);
	assert.equal(await page.locator("tbody input[type=checkbox]").count(), 0);
	await page.goto("/trace?q=dora");
	await sees(t("trace.domain", { domain: "example.org" }));
	await page.goto("/settings");
	await sees(t("shell.not_yours"));
});

test("who only reads finds nothing to change", async () => {
	page = await signIn(m, "rolf", "/nodes");
	for (const [path, name] of [
		["/nodes", t("nodes.invite")],
		["/nodes/n1", t("node.drain")],
		["/settings", t("setting.change_what", { name: "imap.line_max" })],
		["/settings/certificates", t("certificate.add")],
		["/settings/routes", t("route.add")],
		["/aliases", t("alias.create")],
		["/groups/group3%40example.org", t("ui.save")],
		[`/queue/${queued()}`, t("queue.remove")],
	]) {
		await page.goto(path);
		await quiet(page);
		assert.equal(await button(name).count(), 0, path);
	}
});

test("a user has his own things", async () => {
	page = await signIn(m, "alice@example.org", "/me");
	await quiet(page);
	assert.deepEqual(await page.locator("#nav a").allInnerTexts(), [
		t("nav.me"),
	]);
	await sees(NASTY[0]);
	assert.equal(
		await page.getByRole("link", { name: t("me.tab.tokens") }).count(),
		0
	);
});

test("who has no mailbox sees at once what he has", async () => {
	page = await signIn(m, "dora", "/me");
	await page.getByRole("heading", { name: t("me.password") }).waitFor();
	assert.deepEqual(
		await page.locator(".tabs a").allInnerTexts(),
		[t("me.tab.security"), t("me.tab.tokens")]
	);
	assert.equal(
		await page.locator(".tabs [aria-current]").innerText(),
		t("me.tab.security")
	);
});

// --- the cluster ---

test("the overview follows without being drawn anew", async () => {
	page = await signIn(m, "eve", "/overview");
	const canvas = page.locator(".plot canvas").first();

	await canvas.waitFor();
	await canvas.evaluate((x) => (window.before = x));
	const asked = () =>
		m.mock.log.filter((x) => x.includes("/overview")).length;
	const first = asked();

	m.mock.data.queue.length = 7;
	await page
		.locator(".tile", { hasText: t("overview.queue") })
		.getByText("7", { exact: true })
		.waitFor();
	assert.ok(asked() > first);
	assert.ok(await canvas.evaluate((x) => x === window.before));
	await page.getByRole("link", { name: t("problem.queue") }).click();
	await page.waitForURL("**/queue");
});

test("a node is drained after a question, and serves again", async () => {
	page = await signIn(m, "eve", "/nodes/n1");
	await button(t("node.drain")).click();
	await sees(t("node.drain_self"), dialog());
	await button(t("node.drain"), dialog()).click();
	await sees(t("node.draining_title"));
	assert.equal(m.mock.data.nodes[0].drain, true);
	await button(t("node.serve")).click();
	await button(t("node.serve"), dialog()).click();
	await closes();
	await sees(t("node.is.ready"), page.locator(".badge"));
	assert.equal(m.mock.data.nodes[0].drain, false);
});

test("a node that is gone is removed once its name is typed", async () => {
	page = await signIn(m, "eve", "/nodes/n4");
	await button(t("node.remove")).click();
	assert.ok(await button(t("node.remove"), dialog()).isDisabled());
	await dialog().getByRole("textbox").fill("n4");
	await button(t("node.remove"), dialog()).click();
	await page.waitForURL("**/nodes");
	assert.ok(!m.mock.data.nodes.some((n) => n.name === "n4"));
});

test("a setting that another changed meanwhile is not overwritten", async () => {
	page = await signIn(m, "eve", "/settings?search=queue.lifetime");
	const name = "queue.lifetime";
	const setting = m.mock.data.settings.find((s) => s.name === name);

	await button(t("setting.change_what", { name })).click();
	await field(t("setting.value"), dialog()).fill("400d");
	await button(t("ui.save"), dialog()).click();
	await sees(t("setting.wrong.range"), dialog());
	assert.equal(setting.value, "3d");
	await field(t("setting.value"), dialog()).fill("6d");
	setting.value = "4d";
	await m.control({ bump: `/settings/${name}` });
	await button(t("ui.save"), dialog()).click();
	await sees(t("form.collision_title"), dialog());
	assert.equal(setting.value, "4d");
	await button(t("form.keep_mine"), dialog()).click();
	await button(t("ui.save"), dialog()).click();
	await closes();
	assert.equal(setting.value, "6d");
	await button(t("setting.reset_what", { name })).click();
	await button(t("setting.reset"), dialog()).click();
	await closes();
	assert.equal(setting.is_default, true);
});

// --- mail ---

test("many messages are ordered about, and what failed is named", async () => {
	page = await signIn(m, "eve", "/queue?state=waiting");
	const boxes = page.locator("tbody input[type=checkbox]");
	const before = m.mock.data.queue.length;

	for (let i = 0; i < 5; i++) await boxes.nth(i).check();
	const ids = await page
		.locator("tbody tr")
		.evaluateAll((rows) => rows.slice(0, 5).map((r) => r.dataset.key));
	await button(t("queue.remove")).click();
	await button(t("queue.remove"), dialog()).click();
	// the mock refuses the fourth
	await page.locator(".note.bad").getByText(ids[3]).waitFor();
	assert.equal(m.mock.data.queue.length, before - 4);
	assert.ok(m.mock.data.queue.some((x) => x.id === ids[3]));
});

test("a message says why it is stuck, and its text stays text", async () => {
	const x = m.mock.data.queue.find(
		(q) => q.tries > 0 && q.state === "waiting"
	);

	page = await signIn(m, "eve", `/queue/${x.id}`);
	await sees(t("queue.stuck.deferred"));
	await button(t("queue.header_show")).click();
	await page.locator("pre").getByText("<script>alert(1)").waitFor();
	await button(t("queue.hold")).click();
	await sees(t("queue.stuck.held"));
	assert.equal(x.state, "held");
	m.mock.data.queue.splice(m.mock.data.queue.indexOf(x), 1);
	await sees(t("queue.gone"));
});

test("a search is found again by its address, in all its parts", async () => {
	page = await signIn(m, "eve", "/trace");
	await field(t("trace.what")).fill("alice@example.org");
	await button(t("trace.search")).click();
	await page.locator(".story").first().waitFor();
	const at = new URL(page.url()).searchParams;
	assert.equal(at.get("q"), "alice@example.org");
	await asks_trace("since=");
	const story = page.locator(".story", { hasText: "carol@slow.example" });
	await story.locator("summary").first().click();
	await sees(t("trace.step.bounce", { rcpt: "alice@example.org" }), story);
	await story.locator(".step details").nth(1).locator("summary").click();
	await story.locator(".dialogue .client").first().waitFor();
	await page.reload();
	await page.locator(".story").first().waitFor();
	await page.goto("/trace?q=nothing");
	await sees(t("trace.none_what"));
});

test("a search's own links and the queue's look in the right period", async () => {
	page = await signIn(m, "eve", "/trace?q=alice%40example.org&since=30d");
	const span = field(t("trace.since"));
	const story = page.locator(".story", { hasText: "carol@slow.example" });

	await story.locator("summary").first().click();
	await story.locator(".step summary").first().click();
	await story.getByRole("link", { name: "<q1@example.org>" }).click();
	await page.waitForURL((u) => u.searchParams.get("q") === "<q1@example.org>");
	assert.equal(new URL(page.url()).searchParams.get("since"), "30d");
	await holds(span, "30d");
	await page.goBack();
	await page.goto("/trace?q=alice%40example.org&since=1w");
	await holds(span, "1w");

	const x = m.mock.data.queue[5];
	x.arrived = new Date(Date.now() - 3 * 86400e3).toISOString();
	await page.goto(`/queue/${x.id}`);
	await page.locator(`main a[href^="/trace?q=${x.trace || x.id}"]`).click();
	await holds(span, "from");
	const since = new URL(page.url()).searchParams.get("since");
	const before = Date.parse(x.arrived) - Date.parse(since);
	assert.ok(before > 60e3 && before < 3600e3, since);
	await asks_trace(encodeURIComponent(since));
	// within one page the form follows its address
	await page.evaluate(() => {
		history.pushState(null, "", "/trace?q=carol&since=1h");
		dispatchEvent(new PopStateEvent("popstate"));
	});
	await page.waitForFunction(() =>
		[...document.querySelectorAll("select")].some((s) => s.value === "1h")
	);
});

test("a time that is none breaks no page", async () => {
	page = await signIn(m, "eve", "/me");
	await page.route("**/api/v1/trace?*", (r) =>
		r.fulfill({
			json: {
				groups: [
					{
						events: [
							{
								t: 1,
								at: "never",
								e: "relay",
								node: "n1",
								queue: "1-a",
								rcpt: "a@b.example",
								verdict: "deferred",
								next: 1e17,
							},
						],
					},
				],
				more: false,
			},
		})
	);
	await page.goto("/trace?q=a%40b.example");
	await sees("a@b.example", page.locator(".story"));
	await page.locator(".step").first().waitFor();
});

test("the queue is looked at again, and what was chosen stays so", async () => {
	page = await signIn(m, "eve", "/queue?state=waiting");
	const boxes = page.locator("tbody input[type=checkbox]");
	const row = (x) => page.locator(`tbody tr[data-key="${x.id}"]`);
	const waiting = () => m.mock.data.queue.filter((x) => x.state === "waiting");

	await boxes.nth(1).check();
	await button(t("table.more")).click();
	await page.waitForFunction(
		() => document.querySelectorAll("tbody tr").length === 200
	);
	const [first, second] = waiting();
	m.mock.data.queue.splice(m.mock.data.queue.indexOf(first), 1);
	await row(first).waitFor({ state: "detached" });
	await page.waitForFunction(
		() => document.querySelectorAll("tbody tr").length === 200
	);
	assert.ok(await row(second).getByRole("checkbox").isChecked());
	// what is gone is chosen no more
	m.mock.data.queue.splice(m.mock.data.queue.indexOf(second), 1);
	await page.locator(".chosen").waitFor({ state: "detached" });
});

test("after an order it is soon known what another node made of it", async () => {
	page = await signIn(m, "eve", "/queue?state=waiting");
	const [x] = m.mock.data.queue.filter((q) => q.state === "waiting");
	const row = page.locator(`tbody tr[data-key="${x.id}"]`);

	await row.getByRole("checkbox").check();
	// the list is another node's, which has not heard of it
	await page.route("**/api/v1/queue/orders", (r) =>
		r.fulfill({ json: { done: 1, failed: [] } })
	);
	// whether the list was asked for, after its last answer, sooner than the
	// page does by itself, by the page's own clock: a machine that is busy
	// holds up both
	await page.evaluate(() => {
		const real = fetch;
		let late, timer, ordered;

		window.lists = [];
		window.fetch = async (where, o) => {
			const list = ordered && where.includes("/api/v1/queue?");
			const one = list && { late, answered: false };

			if (list) {
				lists.push(one);
				clearTimeout(timer);
			}
			const answer = await real(where, o);

			if (list) {
				one.answered = true;
				late = false;
				clearTimeout(timer);
				timer = setTimeout(() => (late = true), 4700);
			}
			ordered ||= where.endsWith("/queue/orders");
			return answer;
		};
	});
	await button(t("queue.hold")).click();
	await page.locator(".toast.ok").waitFor();
	await page.waitForFunction(() => window.lists.some((x) => x.answered));
	assert.equal(await row.count(), 1);
	x.state = "held";
	await row.waitFor({ state: "detached" });
	const lists = await page.evaluate(() =>
		window.lists.filter((x) => x.answered)
	);
	// the page looks by itself again when it is long known
	assert.ok(lists[1]?.late === false, JSON.stringify(lists));
});

test("an alias is made, changed and removed", async () => {
	page = await signIn(m, "eve", "/aliases");
	await button(t("alias.create")).click();
	await button(t("list.create"), dialog()).click();
	await sees(t("list.address_wrong"), dialog());
	await field(t("list.address"), dialog()).fill("new@example.org");
	await field(t("alias.list"), dialog()).fill("nobody");
	await button(t("list.create"), dialog()).click();
	await page.waitForURL("**/aliases/new%40example.org");
	await field(t("alias.list")).fill("bob.baker@example.org, eve@example.org");
	await button(t("ui.save")).click();
	await sees(t("ui.saved"));
	assert.deepEqual(m.mock.data.aliases[0].targets, [
		"bob.baker@example.org",
		"eve@example.org",
	]);
	await button(t("list.remove")).click();
	await button(t("list.remove"), dialog()).click();
	await page.waitForURL("**/aliases");
	assert.notEqual(m.mock.data.aliases[0].address, "new@example.org");
});

// --- people ---

test("an invitation's link is shown once", async () => {
	page = await signIn(m, "eve", "/admins");
	await button(t("admins.invite")).click();
	await button(t("admins.invite_make"), dialog()).click();
	await sees(t("form.needed"), dialog());
	await field(t("admin.domain"), dialog()).selectOption("example.net");
	await button(t("admins.invite_make"), dialog()).click();
	await sees("6Q7PWXGKTFQ5", dialog());
	await button(t("ui.done"), dialog()).click();
	await closes();
	assert.equal(await page.getByText("6Q7PWXGKTFQ5").count(), 0);
	assert.equal(m.mock.data.invites.at(-1).domain, "example.net");
	for (const by of ["eve", "carol", "shoalctl"])
		await page
			.getByRole("region", { name: t("admins.invites") })
			.getByRole("cell", { name: by, exact: true })
			.waitFor();
});

test("a second factor is set up with a code and taken back", async () => {
	const sessions = () =>
		[...m.mock.sessions.values()].filter((s) => s.login === "dora");

	await signIn(m, "dora", "/me");
	page = await signIn(m, "dora", "/me/security");
	assert.equal(sessions().length, 2);
	await button(t("totp.set")).click();
	await dialog()
		.getByRole("img", { name: t("totp.picture") })
		.waitFor();
	await field(t("totp.code"), dialog()).fill("12345");
	await button(t("totp.turn_on"), dialog()).click();
	await sees(t("totp.six"), dialog());
	await sees(t("form.needed"), dialog());
	await field(t("totp.code"), dialog()).fill("123 456");
	await field(t("me.password_current"), dialog()).fill("wrong");
	await button(t("totp.turn_on"), dialog()).click();
	await sees("the password is wrong", dialog());
	await field(t("me.password_current"), dialog()).fill("password");
	await button(t("totp.turn_on"), dialog()).click();
	// the other sessions end, this one goes on
	await button(t("totp.turn_off")).click();
	assert.equal(sessions().length, 1);
	await field(t("me.password_current"), dialog()).fill("password");
	await button(t("totp.turn_off"), dialog()).click();
	await button(t("totp.set")).waitFor();
});

test("passwords of applications and tokens are shown once", async () => {
	page = await signIn(m, "eve", "/me/security");
	await button(t("app.create")).click();
	await field(t("app.label"), dialog()).fill(NASTY[1]);
	await button(t("app.create"), dialog()).click();
	await sees("abcd-efgh-ijkl-mnop", dialog());
	await button(t("ui.done"), dialog()).click();
	await closes();
	await page.getByRole("cell", { name: NASTY[1] }).first().waitFor();
	assert.equal(await page.getByText("abcd-efgh").count(), 0);
	await page.goto("/me/tokens");
	await button(t("token.create")).click();
	await field(t("token.label"), dialog()).fill("monitor");
	await button(t("token.create"), dialog()).click();
	await sees(t("token.no_scope"), dialog());
	await field(t("area.nodes"), dialog()).selectOption("read");
	await button(t("token.create"), dialog()).click();
	await sees("shoal_", dialog());
	assert.deepEqual(m.mock.data.tokens.at(-1).scopes, ["nodes:read"]);
});

test("a domain is typed where there are too many to choose from", async () => {
	const some = m.mock.data.domains[0];

	for (let i = 0; i < 1200; i++)
		m.mock.data.domains.push({
			...some,
			name: `many${i}.example`,
			display: `many${i}.example`,
		});
	page = await signIn(m, "eve", "/admins");
	await button(t("admins.invite")).click();
	const domain = field(t("admin.domain"), dialog());
	await page.waitForFunction(() =>
		document.querySelector("dialog input[name=domain]")
	);
	await domain.fill("many1199");
	await dialog()
		.locator('datalist option[value="many1199.example"]')
		.waitFor({ state: "attached" });
	await domain.fill("many1199.example");
	await button(t("admins.invite_make"), dialog()).click();
	await sees("6Q7PWXGKTFQ5", dialog());
	assert.equal(m.mock.data.invites.at(-1).domain, "many1199.example");
	await page.goto("/accounts");
	await field(t("domains.name")).fill("example.net");
	await page.waitForURL("**/accounts?domain=example.net");
	await page
		.locator('datalist option[value="example.net"]')
		.waitFor({ state: "attached" });
});

test("all folders of an account are found, each with its use", async () => {
	for (let i = 0; i < 150; i++)
		m.mock.data.folders.push({
			...m.mock.data.folders[0],
			name: `Old/${i}`,
			use: null,
		});
	m.mock.data.folders[1].use = "\\Archive";
	page = await signIn(m, "eve", "/accounts/alice@example.org/folders");
	await sees(t("folder.use.archive"));
	await button(t("table.more")).click();
	await page.getByRole("row", { name: "Old/149" }).waitFor();
});

test("a password of an application ends with the day where one is", async () => {
	page = await signIn(m, "eve", "/accounts/alice@example.org/passwords", {
		timezoneId: "America/New_York",
	});
	let sent;

	page.on("request", (r) => {
		if (r.method() === "POST" && r.url().endsWith("/app-passwords"))
			sent = r.postDataJSON();
	});
	await button(t("app.new")).click();
	await field(t("app.label"), dialog()).fill("phone");
	await field(t("app.expires"), dialog()).fill("2097-01-31");
	await button(t("app.make"), dialog()).click();
	await sees("abcd-efgh-ijkl-mnop", dialog());
	assert.equal(sent.expires, "2097-02-01T04:59:59Z");
	await button(t("ui.done"), dialog()).click();
	await closes();
	// a year that a browser's field takes and no date has
	await button(t("app.new")).click();
	await field(t("app.label"), dialog()).fill("phone");
	sent = undefined;
	await dialog()
		.locator("[name=expires]")
		.evaluate((e) => {
			e.type = "text";
			e.value = "99999-01-01";
			e.dispatchEvent(new Event("input", { bubbles: true }));
		});
	await button(t("app.make"), dialog()).click();
	await dialog().locator("[name=expires][aria-invalid=true]").waitFor();
	assert.equal(sent, undefined);
});

test("while the share is away nobody is said never to have come", async () => {
	page = await signIn(m, "eve", "/me");
	await page.route("**/api/v1/accounts/alice%40example.org", async (r) => {
		const answer = await r.fetch();

		await r.fulfill({
			response: answer,
			json: {
				...(await answer.json()),
				used_bytes: null,
				messages: null,
				last_login: null,
			},
		});
	});
	await page.goto("/accounts/alice%40example.org");
	await sees(t("ui.not_known"));
	assert.equal(await page.getByText(t("ui.never"), { exact: true }).count(), 0);
});

test("what is not known of a node's locks is not said to be none", async () => {
	page = await signIn(m, "eve", "/me");
	await m.control({ path: "/locks", status: 500, code: "internal", times: 9 });
	await page.goto("/nodes/n1");
	await sees(t("node.locks_unknown"));
});

test("what could not be asked for again is said to be old", async () => {
	page = await signIn(m, "eve", "/overview");
	await quiet(page);
	assert.equal(await page.getByText(t("ui.old")).count(), 0);
	await m.control({ path: "/nodes", status: 500, code: "internal", times: 9 });
	await sees(t("ui.old"));
	await page.getByRole("table", { name: t("nav.nodes") }).waitFor();
});

test("looking at a domain's first steps makes no key", async () => {
	page = await signIn(m, "eve", "/me");
	m.mock.data.dkim.set("example.net", []);
	const keys = () => m.mock.data.dkim.get("example.net").length;

	await page.goto("/start?step=dns&domain=example.net");
	await button(t("start.make_key")).waitFor();
	assert.equal(keys(), 0);
	await button(t("start.make_key")).click();
	await button(t("start.make_key")).waitFor({ state: "detached" });
	assert.equal(keys(), 1);
	// who has made the domain there is not asked
	await page.goto("/start");
	await page.locator("input[name=name]").fill("fresh.example");
	await button(t("start.make_domain")).click();
	await page.getByRole("table", { name: t("dns.title") }).waitFor();
	assert.equal(m.mock.data.dkim.get("fresh.example").length, 1);
	await page.context().close();
	page = await signIn(m, "rolf", "/start?step=dns&domain=fresh.example");
	await sees(t("shell.not_yours"));
});

test("an invitation outlives a reload, and a broken link no page", async () => {
	page = await signIn(m, "eve", "/me");
	await page.context().clearCookies();
	m.mock.sessions.clear();
	const codes = [];

	page.on("request", (r) => {
		if (r.url().endsWith("/invites/check"))
			codes.push(r.postDataJSON().code);
	});
	await page.goto("/invite#6Q7PWXGKTFQ5");
	await field(t("invite.login")).waitFor();
	assert.ok(!page.url().includes("#"));
	await page.reload();
	await field(t("invite.login")).waitFor();
	await page.goto("about:blank");
	await page.goto("/invite#%E0%A4%A");
	await field(t("invite.login")).waitFor();
	assert.deepEqual(codes, ["6Q7PWXGKTFQ5", "6Q7PWXGKTFQ5", "%E0%A4%A"]);
});

// --- what one did oneself is no collision ---

test("orders beside a form do not make it collide", async () => {
	page = await signIn(m, "eve", "/nodes/1111111111111111");
	await quiet(page);
	await field(t("node.note")).fill("rack 7");
	await button(t("node.drain")).click();
	await button(t("node.drain"), dialog()).click();
	await button(t("node.serve")).waitFor();
	await button(t("ui.save")).click();
	await sees(t("ui.saved"));
	assert.equal(
		m.mock.data.nodes.find((n) => n.id === "1111111111111111").note,
		"rack 7"
	);
	await page.goto("/admins/dora");
	await quiet(page);
	m.mock.data.admins.find((a) => a.login === "dora").totp = true;
	await page.reload();
	await button(t("admin.totp_reset")).click();
	await button(t("admin.totp_reset"), dialog()).click();
	await closes();
	await button(t("admin.totp_reset")).waitFor({ state: "detached" });
	await field(t("admin.name")).fill("Dora the Second");
	await button(t("ui.save")).click();
	await sees(t("ui.saved"));
	assert.equal(await page.getByText(t("form.collision_title")).count(), 0);
});
