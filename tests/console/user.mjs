// user.mjs - who has an account and nothing else: what is his, and what mail
// programs and correspondents see of it

import { Person } from "./browser.mjs";
import { ask, check, equal, scenario, SOON, until } from "./lib.mjs";
import { ANNA, api, made, node, root, sign_in } from "./people.mjs";
import { t } from "./texts.mjs";

const OTTO = { login: "otto@first.example",
  password: "six boats on a lake" };
const QUOTA = 10 << 20;

// A user sees what is his, and nothing else.
scenario("user", ["first-steps"], async () => {
  const p = await Person.come("anna");
  await sign_in(p, { login: ANNA.address, password: ANNA.password });
  await p.accessible("a user's page");
  await p.fits("a user's page");
  await p.shot("user");
  for (const path of ["/accounts", "/queue", "/nodes", "/admins",
    "/settings"]) {
    const { status } = await api(p, "GET", path);
    check([403, 404].includes(status), `${path}: ${status}`);
    await p.goto(path);
    await p.sees(t("shell.not_yours"));
  }
});

// Until whoever asks n1 or n2 is told so; answered: (status, data) => whether.
async function at_both(what, path, answered) {
  for (const n of ["n1", "n2"]) {
    const p = await root(`root-${n}`, node(n));
    await until(`${what} at ${n}`, async () => {
      const { status, data } = await api(p, "GET", path);
      return answered(status, data);
    });
    await p.leave();
  }
}

const imap = (at, who, password, ...commands) =>
  ask("imap", at, who, password, commands);

// Within the seconds in which what is changed at one node holds at all.
async function logs_in(who, password) {
  for (const n of ["n1", "n2"])
    await until(`it logs in at ${n}`, () => imap(n, who, password, "NOOP"),
      SOON);
}
async function logs_in_no_more(who, password) {
  for (const n of ["n1", "n2"])
    await until(`it does not log in at ${n}`, async () => {
      const said = await imap(n, who, password, "NOOP").then(() => "",
        (e) => e.message);
      check(/AUTHENTICATIONFAILED/.test(said), said || "it does");
      return true;
    }, SOON);
}

// Whether a message with that subject is in the inbox.
async function has_mail(at, who, password, subject) {
  const [, [, , lines]] = await imap(at, who, password, "SELECT INBOX",
    `SEARCH SUBJECT "${subject}"`);
  return lines.some((l) => /^\* SEARCH \d/.test(l));
}

const message = (subject, more = "") => "From: Someone <s@example.net>\n" +
  `To: ${OTTO.login}\nSubject: ${subject}\n\nHello.\n${more}`;

scenario("user-quota", ["first-steps"], async () => {
  const admin = await root();
  await made(admin, "POST", "/accounts", { address: OTTO.login,
    password: OTTO.password, quota_bytes: QUOTA });
  await at_both("the account", `/accounts/${OTTO.login}`,
    (status) => status === 200);
  const p = await Person.come("otto");
  await sign_in(p, OTTO);
  await p.goto("/me");
  const bar = p.page.getByRole("meter", { name: t("quota.label") });
  equal(await bar.getAttribute("aria-valuenow"), "0", "the bar");
  await ask("deliver", "s@example.net", OTTO.login, message("big",
    `${"x".repeat(72)}\n`.repeat(45000)));
  const { used_bytes, quota_bytes } = await until("what it uses is known",
    async () => {
      const { account } = (await api(p, "GET", "/me")).data;
      return account.used_bytes !== null && account;
    });
  equal(quota_bytes, QUOTA, "the quota");
  const part = Math.round(100 * used_bytes / quota_bytes);
  check(part > 25 && part < 60, `${part} % are used`);
  await until("the bar says so", async () => {
    await p.page.reload();
    await bar.waitFor();
    return await bar.getAttribute("aria-valuenow") === String(part);
  });
  await p.sees(/of 10\sM/);
  await p.accessible("a quota");
});

scenario("user-password", ["user-quota"], async () => {
  const old = OTTO.password;
  const p = await Person.come("otto");
  const other = await Person.come("elsewhere");
  await sign_in(p, OTTO);
  await sign_in(other, OTTO);
  await p.goto("/me/security");
  const change = async (current, to) => {
    await p.fill({ [t("me.password_current")]: current,
      [t("me.password_new")]: to });
    await p.button(t("me.password_set")).click();
  };
  await change("not the password", "seven boats on a lake");
  await p.page.locator("[name=current][aria-invalid=true]").waitFor();
  await change(old, "seven boats on a lake");
  await p.sees(t("me.password_done"));
  OTTO.password = "seven boats on a lake";
  await logs_in(OTTO.login, OTTO.password);
  await logs_in_no_more(OTTO.login, old);
  // his other session has ended, and takes the new one alone; this one goes on
  await other.page.reload();
  await other.field(t("signin.login")).fill(OTTO.login);
  await other.field(t("signin.password")).fill(old);
  await other.button(t("signin.action")).click();
  await other.sees(t("error.denied"));
  await sign_in(other, OTTO);
  await p.page.reload();
  await p.signed_in();
});

scenario("user-application-password", ["user-quota"], async () => {
  const p = await Person.come("otto");
  await sign_in(p, OTTO);
  await p.goto("/me/security");
  await p.button(t("app.create")).click();
  await p.field(t("app.label"), p.dialog()).fill("tablet");
  await p.button(t("app.create"), p.dialog()).click();
  const secret = await p.dialog().locator("code").innerText();
  await p.accessible("an application password");
  await p.button(t("ui.done"), p.dialog()).click();
  await logs_in(OTTO.login, secret);
  await p.button(t("ui.remove_what", { what: "tablet" })).click();
  await p.button(t("list.remove"), p.dialog()).click();
  await p.sees(t("app.removed"));
  await logs_in_no_more(OTTO.login, secret);
  await logs_in(OTTO.login, OTTO.password);
});

scenario("user-forwarding", ["user-quota"], async () => {
  const p = await Person.come("otto");
  const forward = async (to) => {
    await p.goto("/me/forwarding");
    await p.field(t("forwarding.targets")).fill(to);
    await p.button(t("ui.save")).click();
    await p.sees(t("ui.saved"));
    await at_both("the forwarding", `/accounts/${OTTO.login}/forwarding`,
      (status, data) => status === 200 && data.targets.join() === to);
  };
  const deliver = (subject) => ask("deliver", "s@example.net", OTTO.login,
    message(subject));
  await sign_in(p, OTTO);
  await forward(ANNA.address);
  check(await p.field(t("forwarding.keep")).isChecked(), "no copy is kept");
  await p.accessible("a user's forwarding");
  await deliver("passed on");
  await until("it arrives at the target", () =>
    has_mail("n2", ANNA.address, ANNA.password, "passed on"), 60);
  check(await has_mail("n1", OTTO.login, OTTO.password, "passed on"),
    "no copy is here");
  await forward("");
  await deliver("kept");
  await until("it arrives here", () =>
    has_mail("n1", OTTO.login, OTTO.password, "kept"), 60);
  check(!await has_mail("n2", ANNA.address, ANNA.password, "kept"),
    "it is still forwarded");
});
