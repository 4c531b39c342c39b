// browser.mjs - people at browsers, and what must never happen in one
//
// A person is a browser context (cookies of its own) with one page.  In no page
// at any time: a script of somebody else's making (window.pwned, a dialog), a
// violation of the Content-Security-Policy, a request to another host, an
// exception that nobody caught.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { check, cluster } from "./lib.mjs";
import { t } from "./texts.mjs";

const require = createRequire(cluster.work + "/x.js");
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

let browser;
const people = new Set();
// What the page does by itself must be over by then, on a busy machine, too.
const SECONDS = 60;

export async function open_browser() {
  browser = await chromium.launch({
    executablePath: cluster.chromium,
    timeout: 2 * SECONDS * 1000,
    // no name is ever looked up: nothing can come from elsewhere
    args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.*",
      "--disable-dev-shm-usage"],
  });
}
export const close_browser = () => browser.close();

// Runs in the page before anything else does.
function guard() {
  Object.defineProperty(window, "pwned", {
    set(v) {
      console.error(`PWNED ${v}`);
    },
  });
  document.addEventListener("securitypolicyviolation", (e) => {
    console.error(`CSP ${e.violatedDirective} ${e.blockedURI}`);
  });
}

// Statuses of the API that a page may meet.
// What the API says no to; and that an interface came or went on this machine,
// as others' tests make them.
const FINE = /^Failed to load resource: (the server responded with a status of (401|403|404|409|412|422|429|503) |net::ERR_NETWORK_CHANGED)/;

export class Person {
  // base: where his browser goes; o: {width, height, dark, locale}
  static async come(name, o = {}) {
    const p = new Person();
    p.name = name;
    p.say = t;
    p.base = o.base || cluster.url;
    p.wrong = [];
    p.context = await browser.newContext({
      baseURL: p.base,
      ignoreHTTPSErrors: true,
      viewport: { width: o.width || 1280, height: o.height || 800 },
      colorScheme: o.dark ? "dark" : "light",
      locale: o.locale || "en-US",
      timezoneId: "UTC",
      reducedMotion: "reduce",
    });
    p.context.setDefaultTimeout(SECONDS * 1000);
    await p.context.addInitScript(guard);
    p.page = await p.context.newPage();
    p.watch(p.page);
    people.add(p);
    return p;
  }

  watch(page) {
    const wrong = (text) => this.wrong.push(`${this.name}: ${text}`);
    page.on("dialog", (d) => {
      wrong(`a dialog: ${d.message()}`);
      d.dismiss().catch(() => {});
    });
    page.on("pageerror", (e) => wrong(`not caught: ${e.stack || e}`));
    page.on("console", (m) => {
      if (m.type() === "error" && !FINE.test(m.text()) &&
          !(this.outage && /^Failed to load resource: net::/.test(m.text())))
        wrong(`console: ${m.text()}`);
    });
    page.on("request", (r) => {
      if (!r.url().startsWith(this.base + "/") && !/^(data|blob):/.test(r.url()))
        wrong(`a request to ${r.url()}`);
    });
  }

  // --- seeing and doing, by role and label

  async goto(path) {
    await this.page.goto(path);
  }
  // Rows of a table, a list; name: text or regular expression in it.
  row(text) {
    return this.page.getByRole("row").filter({ hasText: text });
  }
  // name: the whole of it, or a regular expression; within: a locator.
  button(name, within = this.page) {
    return within.getByRole("button", { name, exact: true });
  }
  link(name, within = this.page) {
    return within.getByRole("link", { name, exact: true });
  }
  field(label, within = this.page) {
    return within.getByLabel(label, { exact: true })
      .and(this.page.locator("input, select, textarea"));
  }
  dialog() {
    return this.page.getByRole("dialog");
  }
  heading(name) {
    return this.page.getByRole("heading", { name });
  }
  // A page's own heading: it is there and has loaded.
  async at(title) {
    await this.page.getByRole("heading", { level: 1, name: title })
      .waitFor({ timeout: SECONDS * 1000 });
  }
  // The frame around the pages: somebody is signed in.
  async signed_in() {
    await this.page.getByRole("banner").getByText("Shoal").waitFor();
  }
  async person_menu() {
    await this.page.getByRole("banner").locator("summary").click();
  }
  // What has the focus is called.
  focused() {
    return this.page.evaluate(() => {
      const e = document.activeElement;
      return e.getAttribute("aria-label") || (e.labels?.[0] || e)
        .textContent.trim();
    });
  }
  // Tab until what is called so has the focus.
  async tab_to(name, most = 60) {
    for (let n = 0; n < most; n++) {
      if (await this.focused() === name)
        return;
      await this.page.keyboard.press("Tab");
    }
    check(false, `${name} cannot be reached by Tab`);
  }
  async fill(fields) {
    for (const [label, value] of Object.entries(fields))
      await this.field(label).fill(value);
  }
  async sees(text, seconds = SECONDS) {
    await this.page.getByText(text).first().waitFor({
      state: "visible", timeout: seconds * 1000 });
  }

  // --- what is looked at everywhere

  quiet() {
    const said = this.wrong.splice(0);
    check(said.length === 0, said.join("\n"));
  }

  // Serious and critical violations of WCAG 2.2 A and AA, and best practices.
  async accessible(where) {
    await this.page.evaluate(AXE);
    const found = await this.page.evaluate(async () => {
      const r = await window.axe.run(document, {
        resultTypes: ["violations"],
      });
      return r.violations
        .filter((v) => ["serious", "critical"].includes(v.impact))
        .map((v) => `${v.id} (${v.impact}): ${v.help}: ` +
          v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + " " +
            n.any.concat(n.all, n.none).map((c) => c.message)
              .join("; ").slice(0, 300)).join(" | "));
    });
    check(found.length === 0, `${where}:\n${found.join("\n")}`);
  }

  // Nothing has to be scrolled sideways but what scrolls in itself.
  async fits(where) {
    const wide = await this.page.evaluate(() => {
      const w = document.documentElement.clientWidth;
      const out = [...document.querySelectorAll("body *")].filter((e) => {
        const r = e.getBoundingClientRect();
        return r.width > 0 && r.right > w + 1 && !e.closest("[hidden]") &&
          !inside_scroller(e);
      });
      function inside_scroller(e) {
        for (let p = e.parentElement; p && p !== document.body;
          p = p.parentElement)
          if (["auto", "scroll", "hidden", "clip"].includes(
            getComputedStyle(p).overflowX))
            return true;
        return false;
      }
      return { doc: document.documentElement.scrollWidth, w,
        out: out.slice(0, 3).map((e) => e.outerHTML.slice(0, 160)) };
    });
    check(wide.doc <= wide.w && wide.out.length === 0,
      `${where} is wider than the window: ${JSON.stringify(wide)}`);
  }

  // Into WORK, and to where the documentation's images are wanted.
  async shot(name, o = {}) {
    await this.page.evaluate(() => document.fonts.ready);
    for (const to of [cluster.work, o.image && cluster.images])
      if (to)
        await this.page.screenshot({ path: `${to}/${name}.png` });
  }

  async leave() {
    people.delete(this);
    await this.context.close();
    this.quiet();
  }
}

// After each scenario: all pages were quiet; who is still there goes.
export async function everybody_leaves(scenario, error) {
  const wrong = [];
  for (const p of [...people]) {
    if (error)
      await p.page.screenshot({ path:
        `${cluster.work}/failed-${scenario.name}-${p.name}.png` })
        .catch(() => {});
    if (error)
      console.log(`# ${p.name} at ${p.page.url()}`);
    await p.leave().catch((e) => wrong.push(e.message));
  }
  check(wrong.length === 0, wrong.join("\n"));
}
