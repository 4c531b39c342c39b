// test_pages.mjs - whether each page of a running cluster and of oneself is well,
// in Chromium before an API from memory: strings that mean harm, narrow, wide
import assert from "node:assert/strict";
import test, { after, before, beforeEach } from "node:test";
import { openMock, quiet, signIn, well } from "./mock_page.mjs";
import { has_text } from "./texts.mjs";

let m, page;

before(async () => {
	m = await openMock("pages");
});
after(() => m?.close());
beforeEach(() => m.control({ reset: true }));

const queued = () => m.mock.data.queue[5].id;
const paths = () => [
	"/overview",
	"/nodes",
	"/nodes/n2",
	"/nodes/n3-with-a-name-that-is-longer-than-most",
	"/nodes/locks",
	"/nodes/share",
	"/settings",
	"/settings/certificates",
	"/settings/routes",
	"/aliases",
	"/aliases/alias7%40example.org",
	"/groups",
	"/groups/group3%40example.org",
	"/queue",
	`/queue/${queued()}`,
	"/trace?q=alice%40example.org",
	"/admins",
	"/admins/rolf",
	"/audit",
	"/me",
	"/me/forwarding",
	"/me/security",
	"/me/tokens",
];

for (const [width, colorScheme, locale] of [
	[320, "dark", "de-DE"],
	[1280, "light", "en-GB"],
])
	test(`each page is well at ${width} pixels, ${colorScheme}`, async () => {
		page = await signIn(m, "eve", "/me", {
			viewport: { width, height: 800 },
			colorScheme,
			locale,
		});
		// enough to have every kind of row: axe looks at each
		for (const list of ["queue", "audit", "aliases", "groups", "locks"])
			m.mock.data[list].length = 25;
		for (const path of paths()) {
			await page.goto(path);
			await quiet(page);
			if (path.startsWith("/trace")) {
				for (const s of await page.locator(".story > summary").all())
					await s.click();
				// a story is drawn when it has been opened
				await page.waitForFunction(() =>
					[...document.querySelectorAll(".story[open]")].every((x) =>
						x.querySelector(".story-body")
					)
				);
				for (const s of await page.locator(".step summary").all())
					await s.click();
			}
			await well(page, path);
			if (/settings$|audit/.test(path)) continue; // names look like keys
			const said = await page.locator("main").innerText();
			assert.deepEqual(said.split(/\s+/).filter(has_text), [], path);
		}
	});
