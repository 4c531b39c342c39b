// mock_page.mjs - a browser before the API from memory, for test_*.mjs
//
// SHOAL_BUILD names the build directory, below which npm has put playwright-core
// and axe-core.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createMock } from "./mock.mjs";

const work = `${process.env.SHOAL_BUILD}/tests/console`;
const require = createRequire(`${work}/x.js`);
const pack = new URL("../../server/console/pack.mjs", import.meta.url).pathname;

// What the page does by itself is over by then, on a machine that is busy, too.
export const SECONDS = 60;

// Until it is true: what a page or the API from memory will have come to.
export async function until(what, condition) {
	const end = Date.now() + SECONDS * 1000;

	for (;;) {
		const began = Date.now();

		if (await condition()) return;
		assert.ok(began < end, `${what}: not within ${SECONDS} s`);
		await new Promise((done) => setTimeout(done, 20));
	}
}

// One a file of tests: they may run at once.
export async function openMock(name) {
	const { chromium } = require("playwright-core");
	const root = `${work}/files-${name}`;

	execFileSync("node", [pack, "--files", root, "--work", `${work}/npm`]);
	const mock = createMock(root);
	await new Promise((done) => mock.server.listen(0, "127.0.0.1", done));
	const browser = await chromium.launch({
		executablePath: "/usr/bin/chromium",
		timeout: 2 * SECONDS * 1000,
		args: ["--no-sandbox", "--disable-dev-shm-usage"],
	});
	const base = `http://127.0.0.1:${mock.server.address().port}`;

	return {
		mock,
		browser,
		base,
		control: (o) =>
			fetch(`${base}/mock`, { method: "POST", body: JSON.stringify(o) }),
		async close() {
			await browser.close();
			mock.server.close();
			mock.server.closeAllConnections();
		},
	};
}

// A page of somebody who has signed in; page.wrong: what must not be.
export async function signIn(m, login, path, options = {}) {
	const context = await m.browser.newContext({
		locale: "en-GB",
		reducedMotion: "reduce",
		timezoneId: "UTC",
		baseURL: m.base,
		...options,
	});
	context.setDefaultTimeout(SECONDS * 1000);
	const page = await context.newPage();

	page.wrong = [];
	page.on("pageerror", (e) => page.wrong.push(String(e.stack)));
	page.on("dialog", (d) => {
		page.wrong.push(`a dialog: ${d.message()}`);
		d.dismiss().catch(() => {});
	});
	page.on("console", (c) => {
		if (/Content Security Policy/.test(c.text())) page.wrong.push(c.text());
	});
	await page.goto(path);
	await page.locator("input[name=login]").fill(login);
	await page.locator("input[type=password]").fill("password");
	await page.locator("button[type=submit]").click();
	await page.locator(".nav").waitFor({ state: "attached" });
	return page;
}

// Until what the page shows is all there.
export async function quiet(page) {
	await page.locator("main h1").first().waitFor();
	await page.waitForFunction(() => !document.querySelector("main .busy"));
}

// Nothing ran, nothing is too wide, no text is missing, axe finds nothing.
export async function well(page, what) {
	const seen = await page.evaluate(() => ({
		over: document.documentElement.scrollWidth - innerWidth,
		pwned: window.pwned,
		injected: document.querySelectorAll("main script, main img, dialog img")
			.length,
	}));
	const axe = require.resolve("axe-core/axe.min.js");
	const session = await page.context().newCDPSession(page);

	assert.deepEqual(page.wrong, [], what);
	assert.ok(seen.over <= 0, `${what}: ${seen.over} pixels too wide`);
	assert.equal(seen.pwned, undefined, what);
	assert.equal(seen.injected, 0, what);
	// as the browser's tools do it: the page's policy allows no script of ours
	await session.send("Runtime.evaluate", {
		expression: readFileSync(axe, "utf8"),
	});
	const found = await page.evaluate(() =>
		axe.run(document, { resultTypes: ["violations"] })
	);
	await session.detach();
	assert.deepEqual(
		found.violations.map((v) => [v.id, v.nodes[0].target.join(" ")]),
		[],
		what
	);
}
