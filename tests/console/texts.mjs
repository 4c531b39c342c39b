// texts.mjs - what the console calls things: its own catalogue, so that a test
// asks for a button by what it is and not by today's wording

import { readdirSync } from "node:fs";

const root = new URL("../../server/console/src/", import.meta.url);
const order = ["en", "de"];
const all = {};

for (const name of readdirSync(root, { recursive: true }))
  if (/(^|\/)texts_\w+\.js$/.test(name))
    Object.assign(all, (await import(new URL(name, root))).texts);

// t("signin.action"), t("shell.signed_in", { login: "root" })
export const say = (language) => (key, params = {}) => {
  if (!(key in all))
    throw new Error(`no text ${key}`);
  return all[key][order.indexOf(language)]
    .replace(/\{(\w+)\}/g, (_, name) => params[name] ?? "");
};
export const t = say("en");
export const t_de = say("de");
export const has_text = (key) => key in all;
