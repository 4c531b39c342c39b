// lib.mjs - scenarios, waiting, and the door to the cluster

export const cluster = JSON.parse(process.env.SHOAL_CONSOLE);

// What a browser cannot do: cluster.py, class Door.
export async function ask(what, ...args) {
  const r = await fetch(cluster.door + what, {
    method: "POST", body: JSON.stringify(args) });
  const said = await r.json();
  if (!r.ok)
    throw new Error(`${what}: ${said}`);
  return said;
}
export const ctl = (...args) => ask("ctl", ...args);

export function check(holds, what) {
  if (!holds)
    throw new Error(what);
}

export function equal(got, wanted, what) {
  const [a, b] = [got, wanted].map((x) => JSON.stringify(x));
  check(a === b, `${what}: ${a}, not ${b}`);
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// What is changed at one node holds at all within 5 s, if every hint is lost; the
// rest is a busy machine's.
export const SOON = 20;

// Until it is true; its value.  What it throws is what was wrong at the end.  The
// last attempt begins after the deadline: how long one takes does not count.
export async function until(what, condition, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  let last = "";
  for (;;) {
    const began = Date.now();
    try {
      const value = await condition();
      if (value)
        return value;
      last = "";
    } catch (e) {
      last = `: ${e.message}`;
    }
    check(began < end, `${what}: not within ${seconds} s${last}`);
    await pause(50);
  }
}

const scenarios = [];

// needs: names of scenarios without which this one cannot be.
export function scenario(name, needs, run) {
  scenarios.push({ name, needs, run, state: "waits" });
}

function wanted(names) {
  const found = new Set();
  const take = (s) => {
    if (found.has(s))
      return;
    found.add(s);
    s.needs.forEach((n) => take(scenarios.find((x) => x.name === n)));
  };
  scenarios.filter((s) => names.length === 0 ||
    names.some((n) => s.name.startsWith(n))).forEach(take);
  return scenarios.filter((s) => found.has(s));
}

// One line each; whether all is well.  after(scenario, error): look around.
export async function run_scenarios(names, after) {
  for (const s of wanted(names)) {
    const lack = s.needs.find((n) =>
      scenarios.find((x) => x.name === n).state !== "ok");
    const began = Date.now();
    try {
      check(!lack, `without ${lack} it cannot be`);
      await s.run();
      await after(s, null);
      s.state = "ok";
    } catch (e) {
      s.state = "not ok";
      console.log(`# ${String(e.stack || e).replace(/\n/g, "\n# ")}`);
      await after(s, e).catch((x) => console.log(`# and ${x.message}`));
    }
    console.log(`${s.state} console/${s.name}`);
    console.error(`${s.name}: ${Date.now() - began} ms`);
  }
  return wanted(names).every((s) => s.state === "ok");
}
