// test_shell.mjs - the frame, and the pages of domains and accounts, in Chromium
// before an API from memory: what a server does only when things go wrong
//
// SHOAL_BUILD names the build directory, below which npm has put playwright-core.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import test, { after, before, beforeEach } from "node:test";
import { createMock } from "./mock.mjs";
import { SECONDS, until } from "./mock_page.mjs";
import { t } from "./texts.mjs";

const work = `${process.env.SHOAL_BUILD}/tests/console`;
const { chromium } = createRequire(`${work}/x.js`)("playwright-core");
const pack = new URL("../../server/console/pack.mjs", import.meta.url).pathname;
const root = `${work}/files`;

let mock, browser, page, base;
const wrong = [];

before(async () => {
  execFileSync("node", [pack, "--files", root, "--work", `${work}/npm`]);
  mock = createMock(root);
  await new Promise((done) => mock.server.listen(0, "127.0.0.1", done));
  base = `http://127.0.0.1:${mock.server.address().port}`;
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium",
    timeout: 2 * SECONDS * 1000,
    args: ["--no-sandbox", "--disable-dev-shm-usage"] });
});

after(async () => {
  await browser?.close();
  mock?.server.close();
  mock?.server.closeAllConnections();
});

// Everybody begins with a browser and an API of his own.
beforeEach(async () => {
  await page?.context().close();
  await control({ reset: true });
  const context = await browser.newContext({ locale: "en-GB",
    reducedMotion: "reduce" });
  context.setDefaultTimeout(SECONDS * 1000);
  page = await context.newPage();
  wrong.length = 0;
  page.on("pageerror", (e) => wrong.push(String(e.stack)));
  page.on("console", (m) => {
    if (/Content Security Policy/.test(m.text()))
      wrong.push(m.text());
  });
});

const control = (o) => fetch(`${base}/mock`, { method: "POST",
  body: JSON.stringify(o) });
const button = (name, within = page) =>
  within.getByRole("button", { name, exact: true });
const field = (name, within = page) => within.getByLabel(name, { exact: true });
const dialog = () => page.getByRole("dialog");
const at = (path) => page.waitForURL((u) => u.pathname === path);
const sees = (text) => page.getByText(text).first().waitFor();
const account = (address) => mock.data.accounts.find((a) =>
  a.address === address);
const rows = () => page.locator("tbody tr");
// What an order changed has been loaded: something that is shown is, too.
const holds = (locator, value) => until(`${locator} is ${value}`, async () =>
  await locator.inputValue() === value);

async function sign_in(path, login = "eve") {
  await page.goto(base + path);
  await field(t("signin.login")).fill(login);
  await field(t("signin.password")).fill("password");
  await button(t("signin.action")).click();
  await page.getByRole("banner").waitFor();
}
const quiet = () => assert.deepEqual(wrong, []);

test("a second factor is asked for, and one is where one wanted to be",
  async () => {
    await page.goto(base + "/accounts?search=bob");
    await field(t("signin.login")).fill("eve+totp");
    await field(t("signin.password")).fill("password");
    await page.keyboard.press("Enter");
    await field(t("signin.totp")).fill("000000");
    await page.keyboard.press("Enter");
    await sees(t("error.totp_wrong"));
    await field(t("signin.totp")).fill("123 456");
    await page.keyboard.press("Enter");
    await page.getByRole("banner").waitFor();
    assert.equal(new URL(page.url()).pathname, "/accounts");
    quiet();
  });

test("accounts are found as one types, and walked through by keyboard",
  async () => {
    await sign_in("/accounts");
    await rows().first().waitFor();
    await button(t("table.more")).click();
    await page.waitForFunction(() =>
      document.querySelectorAll("tbody tr .quota").length === 100);
    await page.keyboard.press("/");
    await page.keyboard.type("bob.ad");
    await page.waitForURL((u) => u.searchParams.get("search") === "bob.ad");
    await page.waitForFunction(() =>
      document.querySelectorAll("tbody tr").length < 20);
    await page.goto(`${base}/accounts`);
    await rows().first().waitFor();
    await page.locator("tbody a").first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    const name = await page.evaluate(() => document.activeElement.textContent);
    assert.equal(name, await page.locator("tbody a").nth(1).textContent());
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name }).waitFor();
    quiet();
  });

test("of two who change the same, the second sees what the first did",
  async () => {
    await sign_in("/domains/example.org");
    await field(t("domains.note")).fill("mine");
    mock.data.domains[0].accounts_max = 77;
    await control({ bump: "/domains/example.org" });
    await button(t("ui.save")).click();
    await sees(t("form.collision_title"));
    await sees(/500 → 77/);
    await button(t("form.keep_mine")).click();
    await holds(field(t("domain.accounts_max")), "77");
    assert.equal(await field(t("domains.note")).inputValue(), "mine");
    await button(t("ui.save")).click();
    await sees(t("ui.saved"));
    assert.equal(mock.data.domains[0].note, "mine");
    assert.equal(mock.data.domains[0].accounts_max, 77);
    // and may as well take the other's
    await field(t("domains.note")).fill("mine again");
    mock.data.domains[0].note = "theirs";
    await control({ bump: "/domains/example.org" });
    await button(t("ui.save")).click();
    await button(t("form.take_theirs")).click();
    await holds(field(t("domains.note")), "theirs");
    quiet();
  });

test("what is not saved is not left by accident", async () => {
  await sign_in("/domains/example.org");
  await field(t("domains.note")).fill("not saved");
  await page.getByRole("link", { name: t("nav.accounts"), exact: true }).click();
  await button(t("ui.cancel"), dialog()).click();
  await dialog().waitFor({ state: "detached" });
  assert.equal(await field(t("domains.note")).inputValue(), "not saved");
  await page.getByRole("link", { name: t("nav.accounts"), exact: true }).click();
  await button(t("form.leave_action"), dialog()).click();
  await at("/accounts");
  quiet();
});

test("what the server does not take is said at its field", async () => {
  await sign_in("/domains");
  await button(t("domains.new")).click();
  await field(t("domains.name"), dialog()).fill("nodot");
  await button(t("domains.create")).click();
  const input = dialog().locator("[name=name][aria-invalid=true]");
  await input.waitFor();
  assert.match(await dialog().locator(".error").textContent(), /no name/);
  await until("it has the focus", () =>
    input.evaluate((e) => e === document.activeElement));
  await page.keyboard.press("Escape");
  await dialog().waitFor({ state: "detached" });
  await until("the focus is where it was", async () => await page.evaluate(() =>
    document.activeElement.textContent) === t("domains.new"));
  quiet();
});

test("while nobody answers it says so, and goes on by itself", async () => {
  await sign_in("/accounts");
  await control({ path: "/domains", method: "GET", status: 503, times: 1000 });
  await page.getByRole("link", { name: t("nav.domains"), exact: true }).click();
  await sees(t("shell.away"));
  mock.faults.length = 0;
  await rows().first().waitFor();
  await page.getByText(t("shell.away")).waitFor({ state: "detached" });
  // a change is made once or not at all
  await page.goto(`${base}/domains/example.org`);
  await field(t("domains.note")).fill("once");
  await control({ path: "/domains", method: "PATCH", status: 503, times: 1 });
  const asked = mock.log.length;
  await button(t("ui.save")).click();
  await sees(t("error.unavailable"));
  assert.equal(mock.log.slice(asked).filter((x) => x.startsWith("PATCH"))
    .length, 1);
  assert.equal(await field(t("domains.note")).inputValue(), "once");
  quiet();
});

test("who is signed out at work signs in where he is", async () => {
  await sign_in("/domains/example.org");
  await field(t("domains.note")).fill("kept");
  mock.sessions.clear();
  await button(t("ui.save")).click();
  await field(t("signin.password"), dialog()).fill("password");
  await page.keyboard.press("Enter");
  await dialog().waitFor({ state: "detached" });
  assert.equal(await field(t("domains.note")).inputValue(), "kept");
  await button(t("ui.save")).click();
  await sees(t("ui.saved"));
  assert.equal(mock.data.domains[0].note, "kept");
  quiet();
});

test("an account is made, suspended, removed and restored", async () => {
  await sign_in("/accounts?domain=example.org");
  await button(t("account.new")).click();
  assert.equal(await field(t("account.address"), dialog()).inputValue(),
    "@example.org");
  await field(t("account.address"), dialog()).fill("zoe@example.org");
  await button(t("account.create")).click();
  assert.match(await dialog().locator(".once code").textContent(),
    /^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/);
  await button(t("ui.done"), dialog()).click();
  await at("/accounts/zoe%40example.org");
  await field(t("account.quota")).fill("500 M");
  await button(t("ui.save")).click();
  await sees(t("ui.saved"));
  assert.equal(account("zoe@example.org").quota_bytes, 500 << 20);
  await field(t("account.quota")).fill("lots");
  await button(t("ui.save")).click();
  await page.locator("[name=quota_bytes][aria-invalid=true]").waitFor();
  await button(t("form.undo")).click();
  await button(t("domain.suspend")).click();
  await button(t("domain.suspend"), dialog()).click();
  await sees(t("account.is_suspended"));
  assert.equal(account("zoe@example.org").status, "suspended");
  await button(t("domain.remove")).click();
  await button(t("domain.remove"), dialog()).click();
  await at("/accounts");
  await page.goto(`${base}/accounts?status=removed&search=zoe@`);
  await rows().getByRole("link").click();
  await button(t("account.restore")).click();
  await at("/accounts/zoe%40example.org");
  await page.getByRole("navigation", { name: "zoe@example.org" }).waitFor();
  assert.equal(account("zoe@example.org").status, "active");
  quiet();
});

test("passwords are shown once, and forwarding is kept", async () => {
  await sign_in("/accounts/alice@example.org/passwords");
  await button(t("account.set_password")).click();
  await button(t("account.set_password"), dialog()).click();
  await dialog().locator(".once").waitFor();
  await button(t("ui.done"), dialog()).click();
  await button(t("app.new")).click();
  await field(t("app.label"), dialog()).fill("phone");
  await button(t("app.make")).click();
  await sees("abcd-efgh-ijkl-mnop");
  await button(t("ui.done"), dialog()).click();
  await dialog().waitFor({ state: "detached" });
  await page.getByRole("link", { name: t("account.tab_addresses") }).click();
  await field(t("forward.targets")).fill("a@x.example\n b@y.example,");
  await button(t("ui.save")).click();
  await sees(t("ui.saved"));
  assert.deepEqual(mock.data.forwarding.targets,
    ["a@x.example", "b@y.example"]);
  quiet();
});

test("what one did oneself is no collision, on whichever tab", async () => {
  const where = "/accounts/alice@example.org";
  const tab = (key) => page.getByRole("link", { name: t(key),
    exact: true }).click();

  // each order changes something that is shown, too, so that it is seen when
  // what follows it has been loaded
  const targets = field(t("forward.targets"));
  const keep = (value) => until(`keep is ${value}`, async () =>
    await field(t("forward.keep")).isChecked() === value);

  await sign_in(`${where}/addresses`);
  await targets.waitFor();
  mock.data.forwarding.targets = ["was@x.example"];
  await field(t("address.add_identity")).fill("more@example.org");
  await button(t("address.add")).click();
  await holds(targets, "was@x.example");
  assert.equal(await page.locator("[name=address]").inputValue(), "");
  await targets.fill("a@x.example");
  mock.data.aliases.push({ ...mock.data.aliases[0],
    address: "seen@example.org", targets: ["alice@example.org"] });
  await button(t("ui.save")).click();
  await sees(t("ui.saved"));
  await sees("seen@example.org");
  mock.data.forwarding.keep = false;
  await button(t("domain.suspend")).click();
  await button(t("domain.suspend"), dialog()).click();
  await sees(t("account.is_suspended"));
  await keep(false);
  await targets.fill("b@x.example");
  mock.data.forwarding.keep = true;
  await button(t("domain.resume")).click();
  await sees(t("account.resumed"));
  await keep(true);
  await button(t("ui.save")).click();
  await until("it is forwarded to b", () =>
    mock.data.forwarding.targets.join() === "b@x.example");
  await tab("account.tab_passwords");
  account("alice@example.org").totp = true;
  await button(t("shell.out_all"), page.locator("main")).click();
  await button(t("shell.out_all"), dialog()).click();
  await sees(t("account.is_out"));
  await button(t("account.totp_remove")).waitFor();
  await tab("account.tab_account");
  // half written, while something else is done to it
  await field(t("account.name")).fill("Half");
  await button(t("domain.suspend")).click();
  await button(t("domain.suspend"), dialog()).click();
  await sees(t("account.is_suspended"));
  assert.equal(await field(t("account.name")).inputValue(), "Half");
  await button(t("ui.save")).click();
  await page.waitForFunction(() =>
    document.querySelector("form [type=submit]").disabled);
  assert.equal(account("alice@example.org").name, "Half");
  assert.equal(await page.getByText(t("form.collision_title")).count(), 0);
  quiet();
});

test("what one did a moment ago is no collision", async () => {
  const where = "/accounts/alice%40example.org";
  const targets = field(t("forward.targets"));
  const saves = () => mock.log.filter((x) => x.startsWith("PUT ") &&
    x.endsWith(`${where}/forwarding`)).length;
  const save = async (to) => {
    await targets.fill(to);
    await button(t("ui.save")).click();
    await until(`saved, or not: ${to}`, async () =>
      mock.data.forwarding.targets.join() === to ||
        await page.getByText(t("form.collision_title")).count() > 0);
    assert.equal(mock.data.forwarding.targets.join(), to);
    await page.locator("[aria-labelledby=forwarding] [type=submit]:disabled")
      .waitFor();
  };
  // what is shown of the account is as old as it was before the order; a name
  // that leads to it is seen when all that was asked for is here
  const while_old = async (name, order, then) => {
    let go_on;

    mock.faults.push({ path: where, exact: true, method: "GET", times: 1,
      held: new Promise((done) => { go_on = done; }) });
    await order();
    await until("it is asked for", () => mock.faults.at(-1).times === 0);
    mock.data.aliases.push({ ...mock.data.aliases[0], address: name,
      targets: ["alice@example.org"] });
    await then();
    await sees(name);
    go_on();
  };

  await sign_in(`${where}/addresses`);
  await targets.waitFor();
  const before = saves();

  // its answer has the account's new ETag
  await while_old("one@example.org", async () => {
    await button(t("domain.suspend")).click();
    await button(t("domain.suspend"), dialog()).click();
    await sees(t("account.is_suspended"));
  }, () => save("a@x.example"));
  assert.equal(saves(), before + 1);
  // its answer has none
  await while_old("two@example.org", async () => {
    await field(t("address.add_identity")).fill("more@example.org");
    await button(t("address.add")).click();
  }, () => save("b@x.example"));
  // somebody else
  mock.data.forwarding = { targets: ["theirs@x.example"], keep: true };
  await control({ bump: "/accounts/alice@example.org" });
  await targets.fill("c@x.example");
  await button(t("ui.save")).click();
  await sees(t("form.collision_title"));
  await page.locator("form [role=alert]").waitFor();
  await sees("theirs@x.example");
  quiet();
});

test("who was too late is told so, and may then do it", async () => {
  await sign_in("/accounts/alice@example.org");
  await button(t("domain.remove")).click();
  account("alice@example.org").name = "Alice the Second";
  await control({ bump: "/accounts/alice@example.org" });
  await button(t("domain.remove"), dialog()).click();
  await sees(t("error.precondition_failed"));
  await holds(field(t("account.name")), "Alice the Second");
  await button(t("domain.remove"), dialog()).click();
  await at("/accounts");
  assert.equal(account("alice@example.org").status, "removed");
  await page.goto(`${base}/domains/example.org`);
  await button(t("domain.suspend")).waitFor();
  mock.data.domains[0].note = "another";
  await control({ bump: "/domains/example.org" });
  await button(t("domain.suspend")).click();
  await button(t("domain.suspend"), dialog()).click();
  await sees(t("error.precondition_failed"));
  await dialog().waitFor({ state: "detached" });
  await holds(field(t("domains.note")), "another");
  await button(t("domain.suspend")).click();
  await button(t("domain.suspend"), dialog()).click();
  await sees(t("domain.is_suspended"));
  quiet();
});

test("the browser's Back asks before it loses what was written", async () => {
  await sign_in("/domains");
  await page.getByRole("link", { name: "example.org", exact: true }).click();
  await field(t("domains.note")).fill("not saved");
  await page.evaluate(() => history.back());
  await sees(t("form.leave"));
  assert.equal(new URL(page.url()).pathname, "/domains/example.org");
  await button(t("ui.cancel"), dialog()).click();
  await dialog().waitFor({ state: "detached" });
  assert.equal(await field(t("domains.note")).inputValue(), "not saved");
  await page.evaluate(() => history.back());
  await button(t("form.leave_action"), dialog()).click();
  await at("/domains");
  await rows().first().waitFor();
  quiet();
});

test("why the server cannot answer is said, and it is asked again", async () => {
  const detail = "the tree of domains is damaged";

  await sign_in("/accounts");
  for (const path of ["/domains", "/queue"])
    await control({ path, method: "GET", status: 503, times: 1000, detail });
  await page.getByRole("link", { name: t("nav.domains"), exact: true }).click();
  await page.locator(".away").getByText(detail).waitFor();
  assert.equal(await page.locator("main .note").count(), 0);
  await page.locator("main .note").getByText(detail).waitFor();
  mock.faults.length = 0;
  await rows().first().waitFor();
  await page.locator("main .note").waitFor({ state: "detached" });
  await page.locator(".away").waitFor({ state: "detached" });
  quiet();
});

test("a dialog that has to stay stays, however often Escape is pressed",
  async () => {
    await sign_in("/domains/example.org");
    await field(t("domains.note")).waitFor();
    mock.sessions.clear();
    await field(t("domains.note")).fill("kept");
    await button(t("ui.save")).click();
    await sees(t("signin.again"));
    for (let i = 0; i < 4; i++)
      await page.keyboard.press("Escape");
    await field(t("signin.password"), dialog()).fill("password");
    await page.keyboard.press("Enter");
    await dialog().waitFor({ state: "detached" });
    // nor is a question taken back while what it asked about is done
    await page.goto(`${base}/accounts/alice@example.org`);
    await button(t("domain.remove")).click();
    let go_on;
    mock.faults.push({ path: "/accounts/alice", method: "DELETE", times: 1,
      held: new Promise((done) => { go_on = done; }) });
    await button(t("domain.remove"), dialog()).click();
    await page.locator("dialog [aria-busy=true]").waitFor();
    for (let i = 0; i < 4; i++)
      await page.keyboard.press("Escape");
    await button(t("ui.cancel"), dialog()).click();
    assert.ok(await dialog().isVisible());
    go_on();
    await at("/accounts");
    await sees(t("domain.removed", { name: "alice@example.org" }));
    quiet();
  });

test("who cannot be told who he is may ask again", async () => {
  await control({ path: "/session", method: "GET", status: 500,
    code: "internal" });
  await page.goto(base);
  await sees(t("error.internal"));
  await button(t("ui.again")).click();
  await field(t("signin.login")).waitFor();
  // and what the sign-in is refused with is said in words
  await control({ path: "/session", method: "POST", status: 400,
    code: "bad_header" });
  await field(t("signin.login")).fill("eve");
  await field(t("signin.password")).fill("password");
  await button(t("signin.action")).click();
  await sees(t("error.bad_header"));
  quiet();
});

test("another person in another tab is another page", async () => {
  await sign_in("/accounts");
  const other = await page.context().newPage();

  await other.goto(`${base}/accounts`);
  await other.evaluate(async () => {
    await fetch("/api/v1/session", { method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ login: "rolf", password: "password" }) });
  });
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await page.locator(".role").getByText(t("role.readonly")).waitFor();
  quiet();
});

test("who only looks has nothing to press", async () => {
  await sign_in("/accounts/alice@example.org", "rolf");
  await page.locator(".facts").first().waitFor();
  assert.equal(await page.locator("main button").count(), 0);
  await page.goto(`${base}/domains/example.org`);
  await page.locator(".facts").first().waitFor();
  assert.equal(await page.locator("main form").count(), 0);
  await page.goto(`${base}/admins`);
  await sees(t("shell.not_yours"));
  quiet();
});
