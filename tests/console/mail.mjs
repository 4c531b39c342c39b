// mail.mjs - a domain, its records, an account, its mail

import { ask, check, equal, scenario, SOON, until } from "./lib.mjs";
import { ANNA, api, node, root } from "./people.mjs";
import { t } from "./texts.mjs";

const message = (subject, more = "") => `From: Someone <s@example.net>\n` +
  `To: ${ANNA.address}\nSubject: ${subject}\n\nHello.\n${more}`;

scenario("first-steps", ["first-run-link"], async () => {
  const p = await root();
  await p.goto("/start");
  await p.at(t("start.title"));
  await p.accessible("first steps: the domain");
  await p.field(t("domains.name")).fill("first.example");
  await p.button(t("start.make_domain")).click();

  // nobody has set a record yet, and it says so
  const records = p.page.getByRole("table", { name: t("dns.title") });
  const marks = (status) => records.getByRole("row").filter({
    hasText: t(`dns.status_${status}`) });
  await until("records are missing", () => marks("missing").count());
  await p.accessible("first steps: the records");
  await p.shot("records-missing");
  const { data } = await api(p, "GET", "/domains/first.example/dns");
  check(data.hosts && data.keys, JSON.stringify(data).slice(0, 400));
  for (const type of ["MX", "TXT"])
    check(data.items.some((r) => r.type === type), `no record ${type}`);
  await ask("zone", "first.example",
    data.items.map((r) => r.line).join("\n") + "\n");
  await p.button(t("dns.again")).click();
  await until("every record is right", async () => await marks("ok").count()
    === data.items.length, 60);
  await p.sees(t("dns.good"));
  await p.shot("records", { image: true });
  await p.button(t("ui.next")).click();

  await p.field(t("account.address")).fill(ANNA.address);
  await p.field(t("account.name")).fill("Anna");
  ANNA.password = await p.field(t("signin.password")).inputValue();
  check(ANNA.password.length >= 20, "it makes no password");
  await p.accessible("first steps: the account");
  await p.button(t("start.make_account")).click();
  await p.sees(ANNA.password);
  await p.button(t("account.test")).click();
  await p.sees(t("start.arrived"));
  await p.accessible("first steps: the message");
  await p.shot("arrived");
});

// The account, with what it uses: a share that is slow leaves that out.
const used = (p) => until("what it uses is known", async () => {
  const { data } = await api(p, "GET", `/accounts/${ANNA.address}`);
  return data.messages !== null && data;
});

scenario("mail-comes-in", ["first-steps"], async () => {
  const p = await root();
  await p.goto(`/accounts/${ANNA.address}`);
  await p.at(ANNA.address);
  const before = await used(p);
  await ask("deliver", "s@example.net", ANNA.address, message("hello"));
  await p.page.reload();
  await p.at(ANNA.address);
  const after = await used(p);
  equal(after.messages, before.messages + 1, "messages");
  check(after.used_bytes > before.used_bytes, "it takes no room");
  await p.link(t("account.tab_folders")).click();
  await p.row("INBOX").getByText(String(after.messages), { exact: true })
    .first().waitFor();
  await p.accessible("folders");
});

scenario("quota-seen-by-imap", ["first-steps"], async () => {
  const p = await root("root", node("n1"));
  await p.goto(`/accounts/${ANNA.address}`);
  await p.field(t("account.quota")).fill("7 M");
  await p.button(t("ui.save")).click();
  await p.sees(t("ui.saved"));
  await until("the quota is seen at the other node", async () => {
    const [[status, , lines]] = await ask("imap", "n2", ANNA.address,
      ANNA.password, ["GETQUOTAROOT INBOX"]);
    return status === "OK" &&
      lines.some((l) => /^\* QUOTA .*STORAGE \d+ 7168\b/.test(l));
  }, SOON);
  await p.page.getByRole("meter", { name: t("quota.label") }).first()
    .waitFor();
});

// Both have read it; who comes second is told what the first has changed, keeps
// what he has written, and loses nothing.
scenario("two-administrators-collide", ["first-steps"], async () => {
  const one = await root("one", node("n1"));
  const two = await root("two", node("n2"));
  for (const p of [one, two]) {
    await p.goto(`/accounts/${ANNA.address}`);
    await p.field(t("account.name")).waitFor();
  }
  await one.field(t("account.name")).fill("Anna the First");
  await one.button(t("ui.save")).click();
  await one.sees(t("ui.saved"));

  await two.field(t("account.quota")).fill("9 M");
  await two.button(t("ui.save")).click();
  await two.sees(t("form.collision_title"));
  await two.sees("Anna the First");
  equal(await two.field(t("account.quota")).inputValue(), "9 M",
    "what the second has written");
  await two.accessible("a collision");
  await two.shot("collision", { image: true });
  await two.button(t("form.keep_mine")).click();
  await two.button(t("ui.save")).click();
  await two.sees(t("ui.saved"));
  const { data } = await api(two, "GET", `/accounts/${ANNA.address}`);
  equal([data.name, data.quota_bytes], ["Anna the First", 9 << 20],
    "name and quota");

  // and the other way: to take what the other has made of it
  await one.field(t("account.name")).fill("Anna the Third");
  await one.button(t("ui.save")).click();
  await one.sees(t("form.collision_title"));
  await one.button(t("form.take_theirs")).click();
  await until("it is the other's", async () =>
    await one.field(t("account.name")).inputValue() === "Anna the First" &&
    (await one.field(t("account.quota")).inputValue()).startsWith("9 M"));
  await one.sees(/of 9\sM/);
});

scenario("account-by-keyboard", ["first-steps"], async () => {
  const p = await root();
  await p.goto("/accounts");
  await p.at(t("nav.accounts"));
  await p.row(ANNA.address).first().waitFor();
  await p.tab_to(t("account.new"));
  await p.page.keyboard.press("Enter");
  await p.dialog().waitFor();
  await p.accessible("a new account");
  await until("the address has the focus", async () =>
    await p.focused() === t("account.address"));
  await p.page.keyboard.press("Control+a");
  await p.page.keyboard.type("keys@first.example");
  await p.tab_to(t("account.name"));
  await p.page.keyboard.type("Keys Only");
  await p.page.keyboard.press("Enter");
  await p.sees(t("account.made_title"));
  await until("the way on has the focus", async () =>
    await p.focused() === t("ui.done"));
  await p.page.keyboard.press("Enter");
  await p.at("keys@first.example");
});

scenario("accounts-are-found", ["account-by-keyboard"], async () => {
  const p = await root();
  await p.goto("/accounts");
  await p.at(t("nav.accounts"));
  await p.row("alice@example.org").first().waitFor();
  await p.page.keyboard.press("/");
  await p.page.keyboard.type("keys o");
  await until("only who is meant is there", async () =>
    await p.row("keys@first.example").count() === 1 &&
    await p.row("alice@example.org").count() === 0);
  check(p.page.url().includes("search=keys"), "the address does not say so");
  await p.page.keyboard.press("ArrowDown");
  await p.row("keys@first.example").getByRole("link").click();
  await p.at("keys@first.example");
  await p.page.goBack();
  await p.row("keys@first.example").first().waitFor();
});

scenario("account-goes-and-comes-back", ["account-by-keyboard"], async () => {
  const p = await root();
  const gone = "keys@first.example";
  await p.goto(`/accounts/${gone}`);
  await p.button(t("domain.suspend")).click();
  await p.button(t("domain.suspend"), p.dialog()).click();
  await p.sees(t("account.is_suspended"));
  await p.button(t("domain.resume")).click();
  await p.sees(t("account.resumed"));
  await p.button(t("domain.remove")).click();
  await p.button(t("domain.remove"), p.dialog()).click();
  await p.sees(t("domain.removed", { name: gone }));
  await until("mail is refused, whichever node is asked", async () => {
    for (let n = 0; n < 4; n++) {
      const refused = await ask("deliver", "s@example.net", gone,
        message("too late")).then(() => "", (e) => e.message);
      check(/\b550\b/.test(refused), `mail was taken: ${refused}`);
    }
    return true;
  }, SOON);
  await p.goto("/accounts?status=removed");
  await p.row(gone).getByRole("link").click();
  await p.sees(t("account.is_removed"));
  await p.accessible("a removed account");
  await p.button(t("account.restore")).click();
  await p.at(gone);
  await p.sees(t("account.status_active"));
});

scenario("application-password", ["first-steps"], async () => {
  const p = await root();
  await p.goto(`/accounts/${ANNA.address}/passwords`);
  await p.button(t("app.new")).click();
  await p.field(t("app.label")).fill("telephone");
  await p.button(t("app.make")).click();
  await p.sees(t("app.made"));
  const secret = await p.dialog().locator("code").innerText();
  await p.button(t("ui.done")).click();
  await until("it logs in at the other node", async () => (await ask("imap",
    "n2", ANNA.address, secret, ["NOOP"]))[0][0] === "OK", SOON);
  await p.button(t("app.remove", { label: "telephone" })).click();
  await p.button(t("domain.remove"), p.dialog()).click();
  await p.sees(t("app.none"));
  await until("it logs in no more", () => ask("imap", "n2", ANNA.address,
    secret, ["NOOP"]).then(() => false, () => true), SOON);
});
