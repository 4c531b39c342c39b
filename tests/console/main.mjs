// main.mjs [NAME ...] - the console's scenarios, in order

import { close_browser, everybody_leaves, open_browser } from "./browser.mjs";
import { run_scenarios } from "./lib.mjs";
import "./first_run.mjs";
import "./mail.mjs";
import "./operate.mjs";
import "./everywhere.mjs";
import "./user.mjs";

await open_browser();
const well = await run_scenarios(process.argv.slice(2), everybody_leaves);
await close_browser();
process.exit(well ? 0 : 1);
