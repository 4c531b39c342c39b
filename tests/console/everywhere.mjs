// everywhere.mjs - what holds for every page

import { Person } from "./browser.mjs";
import { ask, check, ctl, scenario, until } from "./lib.mjs";
import { ANNA, ROOT, api, made, root, sign_in } from "./people.mjs";
import { t, t_de } from "./texts.mjs";

const { pages } = await import(new URL("../../server/console/src/pages.js",
  import.meta.url));

// Of paths with parameters those that are there; a path that is not named here
// is one that no test looks at.
async function every_path(p) {
  const list = async (path, key) => {
    const { data } = await api(p, "GET", path);
    return data.items.map((x) => encodeURIComponent(x[key]));
  };
  const first = async (...a) => (await list(...a))[0];
  const filled = {
    "/domains/:name": ["first.example"],
    "/domains/:name/:tab": ["first.example/dns", "first.example/dkim"],
    "/accounts/:address": [ANNA.address],
    "/accounts/:address/:tab": ["passwords", "addresses", "folders"]
      .map((x) => `${ANNA.address}/${x}`),
    "/nodes/:id": [await first("/nodes", "id")],
    "/me/:tab": ["security", "tokens"],
    "/queue/:id": [await first("/queue", "id")],
    "/aliases/:address": await list("/aliases", "address"),
    "/groups/:address": await list("/groups", "address"),
    "/admins/:login": [ROOT.login],
  };
  return pages.flatMap(({ path }) => {
    if (!path.includes(":"))
      return [path];
    check(path in filled, `no test looks at ${path}`);
    const start = path.slice(0, path.indexOf("/:") + 1);
    return filled[path].map((x) => start + x);
  }).filter((x) => x !== "/invite");
}

// A page is there: its heading, and nothing that still loads.
async function open_page(p, path) {
  await p.goto(path);
  await p.page.getByRole("heading", { level: 1 }).first().waitFor();
  await until(`${path} has loaded`, async () =>
    await p.page.getByText(p.say("ui.loading"), { exact: true }).count() === 0);
  await p.page.waitForTimeout(50);
}

// --- what strangers, and administrators, write to do harm

const bad = (n) => `<img src=x onerror="window.pwned=${n}">` +
  `<script>window.pwned=${n}</script>'"><svg onload=window.pwned=${n}>`;

// It may be refused, but as wrong, not as something that broke.
async function tried(p, method, path, body, tag) {
  const r = await api(p, method, path, body, tag);
  check(r.status < 500, `${method} ${path}: ${r.status} ` +
    JSON.stringify(r.data));
  return r;
}

scenario("write-to-do-harm", ["queue-orders"], async () => {
  const p = await root();
  const domain = "first.example";
  await made(p, "PATCH", `/accounts/${ANNA.address}`, { name: bad(1) }, "*");
  await made(p, "PATCH", `/domains/${domain}`, { note: bad(2) }, "*");
  await made(p, "POST", `/accounts/${ANNA.address}/app-passwords`,
    { label: bad(3).slice(0, 60) });
  await made(p, "POST", "/groups", { address: `all@${domain}`,
    name: bad(4), posters: "anyone", members: [ANNA.address] });
  await made(p, "POST", "/aliases", { address: `info@${domain}`,
    targets: [ANNA.address] });
  // names that are addresses: what is no address is refused
  for (const address of [`<script>pwned=5</script>@${domain}`,
    `"<img src=x onerror=pwned=6>"@${domain}`, `x'"><svg@${domain}`]) {
    await tried(p, "POST", "/aliases", { address, targets: [ANNA.address] });
    await tried(p, "POST", "/groups", { address, name: "", members: [] });
    await tried(p, "POST", "/accounts", { address });
  }
  await tried(p, "POST", "/domains", { name: bad(7) });
  await made(p, "PATCH", `/admins/${ROOT.login}`, { name: bad(8) }, "*");
  await made(p, "POST", "/me/tokens", { label: bad(9).slice(0, 60),
    scopes: ["queue:read"] });
  await tried(p, "POST", "/invites", { role: "readonly", login: bad(10) });
  const { data: nodes } = await api(p, "GET", "/nodes");
  await made(p, "PATCH", `/nodes/${nodes.items[0].id}`, { note: bad(11) },
    "*");
  const { data: settings } = await api(p, "GET", "/settings?limit=1000");
  for (const s of settings.items.filter((x) => x.type === "text")) {
    const r = await tried(p, "PUT", `/settings/${s.name}`,
      { value: bad(12) }, "*");
    if (r.status < 300)
      await made(p, "DELETE", `/settings/${s.name}`, undefined, "*");
  }
  await tried(p, "POST", "/routes", { pattern: "bad.example",
    hosts: ["127.0.0.1:1"], note: bad(13) });

  // from outside: addresses, HELO, header, text, a folder's name
  for (const [sender, helo] of [["s@example.net", `[${bad(14)}]`],
    [`"<img src=x onerror=pwned=15>"@example.net`, "client.example.net"]])
    await ask("deliver", sender, ANNA.address, `From: ${bad(16)} <s@x.example>\n` +
      `Subject: ${bad(17)}\nMessage-ID: <${bad(18)}@x.example>\n\n${bad(19)}\n`,
    helo).catch((e) => check(/\b5\d\d\b/.test(e.message), e.message));
  await ask("imap", "n1", ANNA.address, ANNA.password, [
    `CREATE "<img src=x onerror=pwned=20>"`,
    `CREATE "<script>pwned=21</script>"`]);
  await ask("submit", ANNA.address, ANNA.password,
    `"<img src=x onerror=pwned=22>"@far.example`,
    `From: ${ANNA.address}\nSubject: ${bad(23)}\n\n${bad(24)}\n`);
  await until("the message waits", async () =>
    (await api(p, "GET", "/queue")).data.items.length > 0);
});

scenario("nothing-of-it-runs", ["write-to-do-harm"], async () => {
  const p = await root();
  for (const path of [...await every_path(p),
    `/trace?q=${encodeURIComponent(ANNA.address)}`,
    `/trace?q=${encodeURIComponent(bad(30))}`,
    `/accounts?search=${encodeURIComponent(bad(31))}`,
    `/queue?search=${encodeURIComponent(bad(32))}`,
    ...["domains", "accounts", "nodes", "queue", "groups", "admins"].map(
      (x) => `/${x}/${encodeURIComponent(bad(33))}`)]) {
    await open_page(p, path);
    // what is folded, and what that had in it; a page that draws itself anew
    // may take one away
    for (let n = 0; n < 3; n++)
      for (const d of await p.page.locator(
        "main details:not([open]) > summary").elementHandles())
        await d.click({ timeout: 3000 }).catch(() => {});
    p.quiet();
  }
  // it is all there, in letters
  const letters = async (path, text) => {
    await open_page(p, path);
    await p.sees(text);
  };
  await open_page(p, "/domains/first.example");
  check(await p.field(t("domains.note")).inputValue() === bad(2),
    "the note is another");
  await letters(`/accounts/${ANNA.address}/folders`,
    "<img src=x onerror=pwned=20>");
  await letters(`/accounts`, bad(1));
  await letters(`/groups`, bad(4));
  await letters(`/queue`, "<img src=x onerror=pwned=22>");
  const { data } = await api(p, "GET", "/queue");
  await open_page(p, `/queue/${encodeURIComponent(data.items[0].id)}`);
  await p.button(t("queue.header_show")).click();
  await p.sees(`Subject: ${bad(23)}`);
  p.quiet();
  await ctl("admin", "set", ROOT.login, "--name", ROOT.name);
});

// --- every page

scenario("every-page", ["nothing-of-it-runs"], async () => {
  const p = await root();
  const wrong = [];
  for (const path of await every_path(p)) {
    await open_page(p, path);
    for (const colorScheme of ["light", "dark"]) {
      await p.page.emulateMedia({ colorScheme });
      await p.accessible(`${path}, ${colorScheme}`)
        .catch((e) => wrong.push(e.message));
    }
    await p.fits(path).catch((e) => wrong.push(e.message));
  }
  await open_page(p, "/overview");
  await p.shot("overview-dark");
  await p.page.emulateMedia({ colorScheme: "light" });
  await p.shot("overview", { image: true });
  check(wrong.length === 0, wrong.join("\n"));
});

// A telephone: nothing has to be scrolled sideways, and in German, whose words
// are longer.
scenario("every-page-narrow", ["nothing-of-it-runs"], async () => {
  const p = await Person.come("narrow", { width: 360, height: 740,
    locale: "de-AT" });
  await p.goto("/");
  await p.fits("sign-in");
  await sign_in(p, ROOT, t_de);
  p.say = t_de;
  const wrong = [];
  for (const path of await every_path(p)) {
    await open_page(p, path);
    await p.fits(path).catch((e) => wrong.push(e.message));
  }
  check(wrong.length === 0, wrong.join("\n"));
  await open_page(p, "/");
  await p.button(new RegExp(t_de("shell.nav"))).click();
  await p.accessible("the navigation, narrow");
  await p.shot("narrow");
});
