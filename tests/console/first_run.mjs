// first_run.mjs - the one-time link, and signing in

import { Person } from "./browser.mjs";
import { ask, check, cluster, scenario, SOON, until } from "./lib.mjs";
import { ROOT, node, root, sign_in } from "./people.mjs";
import { t, t_de } from "./texts.mjs";

scenario("first-run-link", [], async () => {
  const p = await Person.come("root");
  await p.page.goto(cluster.link);
  await p.heading(t("invite.title")).waitFor();
  await p.accessible("the invitation");
  await p.shot("invite");
  check(!p.page.url().includes("#"), "the code stays in the address");
  // what is wrong is said where it is wrong
  await p.fill({ [t("invite.login")]: ROOT.login,
    [t("invite.name")]: ROOT.name, [t("signin.password")]: "short" });
  await p.button(t("invite.action")).click();
  await p.page.locator("[name=password][aria-invalid=true]").waitFor();
  await p.fill({ [t("signin.password")]: ROOT.password });
  await p.button(t("invite.action")).click();
  await p.signed_in();
  await p.sees(ROOT.name);
  await p.accessible("the page behind the invitation");
});

scenario("link-works-once", ["first-run-link"], async () => {
  const p = await Person.come("late");
  await p.page.goto(cluster.link);
  await p.sees(t("invite.bad_title"));
  await p.accessible("a used invitation");
});

// On the wire, TLS and all, as HAProxy counts it: what comes before the first
// page can be used.
scenario("first-page-is-small", ["first-run-link"], async () => {
  const before = await ask("bytes", "https");
  const p = await Person.come("first");
  await p.goto("/");
  await p.button(t("signin.action")).waitFor();
  await p.page.waitForLoadState("networkidle");
  await p.leave();
  const n = await ask("bytes", "https") - before;
  console.log(`# the first page: ${n} bytes`);
  check(n < 150000, `the first page: ${n} bytes`);
});

scenario("sign-in", ["first-run-link"], async () => {
  const p = await Person.come("root");
  await p.goto("/");
  await p.button(t("signin.action")).waitFor();
  await p.accessible("sign-in");
  await p.fill({ [t("signin.login")]: ROOT.login,
    [t("signin.password")]: "not the password" });
  await p.button(t("signin.action")).click();
  await p.sees(t("error.denied"));
  check(await p.field(t("signin.login")).inputValue() === ROOT.login,
    "the name has to be typed again");
  await p.fill({ [t("signin.password")]: ROOT.password });
  await p.button(t("signin.action")).click();
  await p.signed_in();
  const cookies = await p.context.cookies();
  check(cookies.length === 1 && cookies[0].name === "__Host-shoal" &&
    cookies[0].httpOnly && cookies[0].secure &&
    cookies[0].sameSite === "Strict", JSON.stringify(cookies));
  check(await p.page.evaluate(() => document.cookie) === "",
    "a script can read the cookie");
  // it is kept, and known at the other node
  await p.page.reload();
  await p.signed_in();
  await p.person_menu();
  await p.button(t("shell.out")).click();
  await p.button(t("signin.action")).waitFor();
  await p.page.reload();
  await p.button(t("signin.action")).waitFor();
});

scenario("sign-in-by-keyboard", ["first-run-link"], async () => {
  const p = await Person.come("root");
  await p.goto("/");
  await p.button(t("signin.action")).waitFor();
  await until("the name has the focus", async () =>
    await p.focused() === t("signin.login"));
  await p.page.keyboard.type(ROOT.login);
  await p.page.keyboard.press("Tab");
  await p.page.keyboard.type(ROOT.password);
  await p.page.keyboard.press("Enter");
  await p.signed_in();
  // the first stop leads past the navigation
  await p.page.keyboard.press("Tab");
  await until("the link to the content", async () => {
    const here = await p.focused();
    if (here === t("shell.skip"))
      return true;
    await p.page.keyboard.press("Shift+Tab");
    return false;
  });
  await p.page.keyboard.press("Enter");
  // or its heading, which asks for it when the page has come
  await until("the content has the focus", () => p.page.evaluate(() =>
    document.activeElement.closest("main") !== null));
});

scenario("sign-out-everywhere", ["first-run-link"], async () => {
  const one = await root("one", node("n1"));
  const two = await root("two", node("n2"));
  await one.person_menu();
  await one.button(t("shell.out_all")).click();
  await one.button(t("shell.out_all"), one.dialog()).click();
  await one.button(t("signin.action")).waitFor();
  const began = Date.now();
  await until("the other node's session has ended", async () =>
    await two.page.evaluate(async () => (await fetch("/api/v1/session"))
      .status) === 401, SOON);
  console.log(`# it ended after ${Date.now() - began} ms`);
  // whoever was at work signs in again, and stays where he was
  await two.page.reload();
  await two.button(t("signin.action")).waitFor();
});

scenario("german", ["first-run-link"], async () => {
  const p = await Person.come("root", { locale: "de-AT" });
  await p.goto("/");
  await p.button(t_de("signin.action")).waitFor();
  check(await p.page.evaluate(() => document.documentElement.lang) === "de",
    "the page does not say its language");
  await sign_in(p, ROOT, t_de);
  await p.accessible("the first page, in German");
  // and one may choose
  await p.person_menu();
  await p.page.getByRole("combobox", { name: t_de("shell.language") })
    .selectOption("en");
  await p.button(t("shell.out")).waitFor();
  await p.page.reload();
  await p.person_menu();
  await p.button(t("shell.out")).waitFor();
});
