// test_texts.mjs - texts that tests/lint cannot know to be needed
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const root = new URL("../../server/console/src/", import.meta.url);
const catalogue = {};

for (const name of readdirSync(root))
	if (/^texts_.*\.js$/.test(name))
		Object.assign(catalogue, (await import(new URL(name, root))).texts);

// Keys that are put together, with all that they are put together from.
const words = (s) => s.split(" ");
const built = {
	"queue.did.": words("retry hold release remove"),
	"queue.rcpt.": words("waiting delivered failed removed"),
	"group.posters.": words("anyone domain members"),
	"node.is.": words(
		"ready draining resuming starting unready alive silent unreadable " +
			"unseen ended left unknown"
	),
	"node.life.": words("alive silent unseen ended left unreadable"),
	"node.certificate.": words("none self file state until over"),
	"lock.is.": words("held free orphan unreadable"),
	"level.": words("ok warn bad"),
	"share.is.": words("ok warn bad"),
	"rate.": words(
		"messages_in delivered relayed rejected deferred logins logins_failed"
	),
	"area.": words(
		"domains accounts queue trace nodes settings audit admins"
	),
	"scope.": words("none read write"),
	"route.tls.": words("may must verify never implicit"),
	"setting.wrong.": words("form range long"),
	"trace.is.": words(
		"accepted delivered deferred refused failed dropped removed unknown"
	),
	"trace.fact.": words(
		"code answer from rcpt host next ip helo user tls spf dkim dmarc " +
			"msgid bytes ms account uid tries queue id"
	),
	"admin.role_what.": words("system domain readonly"),
};

test("what is put together is there", () => {
	for (const [begin, ends] of Object.entries(built))
		for (const end of ends)
			assert.ok(begin + end in catalogue, begin + end);
});

test("settings are explained, in English as the server does", () => {
	const c = readFileSync(
		new URL("../../storage/state_setting.c", import.meta.url),
		"utf8"
	);
	const row =
		/\{ STATE_\w+,\s*"([a-z0-9_.]+)",\s*STATE_SETTING_\w+,\s*"[^"]*",[^"]*((?:"[^"]*"\s*)+)\}/g;
	const settings = [...c.matchAll(row)];

	assert.ok(settings.length > 50, `only ${settings.length} were found`);
	for (const [, name, help] of settings)
		assert.equal(
			catalogue[`setting.help.${name}`]?.[0],
			[...help.matchAll(/"([^"]*)"/g)].map((m) => m[1]).join(""),
			name
		);
});

test("every code that the server refuses with has its sentence", () => {
	const api = new URL("../../server/api/", import.meta.url);
	const codes = new Set();

	for (const name of readdirSync(api))
		if (name.endsWith(".c")) {
			const c = readFileSync(new URL(name, api), "utf8");

			for (const [, , code] of c.matchAll(
				/\bapi_refuse\(\s*x,\s*(\d{3}),\s*"(\w+)"/g
			))
				codes.add(code);
			for (const [, code] of c.matchAll(
				/\{ ERR_\w+, \d{3}, "(\w+)" \}/g
			))
				codes.add(code);
			for (const [body] of c.matchAll(/^api_refused\([^]*?^\}/gm))
				for (const [, code] of body.matchAll(/"(\w+)"/g))
					codes.add(code);
		}
	for (const code of words("limit bad_query misdirected throttled"))
		assert.ok(codes.has(code), `${code} was not found`);
	for (const code of codes)
		assert.ok(`error.${code}` in catalogue, code);
});
