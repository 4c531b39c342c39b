// people.mjs - who is there, and how one signs in

import { Person } from "./browser.mjs";
import { check, cluster } from "./lib.mjs";
import { t } from "./texts.mjs";

export const ROOT = { login: "root", name: "Robin Root",
  password: "correct horse battery" };

// The first account; its password is what the console made.
export const ANNA = { address: "anna@first.example", password: "" };

export async function sign_in(p, who, say = t) {
  await p.goto("/");
  await p.field(say("signin.login")).fill(who.login);
  await p.field(say("signin.password")).fill(who.password);
  await p.button(say("signin.action")).click();
  await p.signed_in();
}

// root at a browser of his own; o as for Person.come.
export async function root(name = "root", o = {}) {
  const p = await Person.come(name, o);
  await sign_in(p, ROOT);
  return p;
}

export const node = (name) => ({ base: cluster.nodes[name] });

// What the page's own session may ask of the API; {status, tag, data}.  What was
// asked before is seen by whichever node answers.
export async function api(p, method, path, body, tag) {
  const said = await p.page.evaluate(async ([method, path, body, tag,
    entry]) => {
    const session = await (await fetch("/api/v1/session")).json();
    const r = await fetch("/api/v1" + path, { method, headers: {
      "X-CSRF-Token": session.csrf ?? "",
      ...body === undefined ? {} : { "Content-Type": "application/json" },
      ...tag ? { "If-Match": tag } : {},
      ...entry ? { "Shoal-Entry": String(entry) } : {},
    }, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await r.text();
    let data = text;
    try {
      data = JSON.parse(text);
    } catch {
      // is text
    }
    return { status: r.status, tag: r.headers.get("ETag"), data,
      entry: Number(r.headers.get("Shoal-Entry")) || 0 };
  }, [method, path, body, tag, p.entry]);
  p.entry = Math.max(p.entry || 0, said.entry);
  return said;
}

// What has to be taken.
export async function made(p, method, path, body, tag) {
  const r = await api(p, method, path, body, tag);
  check(r.status < 300, `${method} ${path}: ${r.status} ` +
    JSON.stringify(r.data));
  return r.data;
}
