// operate.mjs - the queue, the trace, nodes

import { ask, check, equal, scenario, SOON, until } from "./lib.mjs";
import { ANNA, api, root } from "./people.mjs";
import { t } from "./texts.mjs";

const FAR = "someone@far.example";
const outgoing = (subject) => `From: ${ANNA.address}\nTo: ${FAR}\n` +
  `Subject: ${subject}\n\nFar away.\n`;
const submit = (subject) => ask("submit", ANNA.address, ANNA.password, FAR,
  outgoing(subject));

// The one message of the queue, when it has been tried in vain.
async function stuck(p) {
  return until("a message waits, tried in vain", async () => {
    const { data } = await api(p, "GET", "/queue");
    return data.items.length === 1 && data.items[0].tries > 0 &&
      data.items[0];
  }, 60);
}

scenario("queue", ["first-steps"], async () => {
  const p = await root();
  await submit("first");
  const m = await stuck(p);
  // why is it stuck?
  await p.goto("/queue");
  await p.at(t("nav.queue"));
  const row = p.row(FAR);
  await row.getByText(t("queue.is.deferred")).waitFor();
  await row.getByText(m.answer).waitFor();
  await p.accessible("the queue");
  await p.shot("queue");
  await row.getByRole("link").first().click();
  await p.sees(t("queue.stuck.deferred"));
  await p.sees(m.answer);
  await p.button(t("queue.header_show")).click();
  await p.sees("Subject: first");
  await p.accessible("a message of the queue");
  await p.shot("message");

  await p.button(t("queue.hold")).click();
  await p.sees(t("queue.stuck.held"));
  await p.button(t("queue.release")).click();
  await p.button(t("queue.hold")).waitFor();
  // the host is there again: by hand it goes at once
  await ask("far", true);
  await p.button(t("queue.retry")).click();
  check((await ask("arrived")).includes("Subject: first"), "another came");
  await p.sees(t("queue.gone"));
  await ask("far", false);
});

scenario("queue-orders", ["queue"], async () => {
  const p = await root();
  await submit("second");
  await stuck(p);
  await p.goto("/queue");
  const row = p.row(FAR);
  await row.getByRole("checkbox").check();
  await p.button(t("queue.hold")).click();
  await row.getByText(t("queue.is.held")).first().waitFor();
  await row.getByRole("checkbox").check();
  await p.button(t("queue.remove")).click();
  await p.accessible("shall it be removed?");
  await p.button(t("queue.remove"), p.dialog()).click();
  await p.sees(t("queue.none"));
  await until("the other node knows, too", async () =>
    (await api(p, "GET", "/queue")).data.items.length === 0, SOON);
});

scenario("trace-with-transcript", ["mail-comes-in", "queue"], async () => {
  const p = await root();
  await p.goto("/trace");
  await p.at(t("nav.trace"));
  const look = async (what) => {
    await p.field(t("trace.what")).fill(what);
    await p.button(t("trace.search")).click();
  };
  // through both nodes; each tells what it did
  const nodes = new Set();
  for (let n = 0; n < 20 && (n < 4 || nodes.size < 2); n++) {
    await ask("deliver", `tracer${n}@example.net`, ANNA.address,
      `From: t@example.net\nSubject: trace ${n}\n\nHello.\n`);
    await until(`message ${n} is found`, async () => {
      const { data } = await api(p, "GET",
        `/trace?q=tracer${n}%40example.net`);
      data.groups.flatMap((g) => g.events).forEach((e) => nodes.add(e.node));
      return data.groups.length > 0;
    });
  }
  equal([...nodes].sort(), ["n1", "n2"], "nodes that told something");
  await look("tracer0@example.net");
  await p.sees("tracer0@example.net");
  await p.accessible("the trace");

  // what the far host said, line by line
  await look(FAR);
  const story = p.page.getByRole("group").filter({ hasText: FAR }).first();
  await story.waitFor();
  if (!await story.evaluate((e) => e.open))
    await story.locator("summary").first().click();
  const dialogue = story.locator("summary")
    .filter({ hasText: beginning("trace.dialogue") });
  await dialogue.first().waitFor();
  for (const d of await dialogue.all())
    await d.click();
  await story.getByText(/RCPT TO:<someone@far\.example>/).first().waitFor();
  await p.accessible("a transcript");
  await p.shot("trace", { image: true });
});

// Of a text with a parameter: what is before it, or behind.
function beginning(key) {
  const words = t(key).replace(/\{[^}]*\}/g, "").trim();
  return words;
}

// While somebody works through the balancer the very node that answers him is
// drained; he goes on at the other, and sees both.
scenario("drain-a-node", ["first-run-link"], async () => {
  const p = await root();
  await p.goto("/nodes");
  await p.at(t("nav.nodes"));
  await p.accessible("nodes");
  await p.shot("nodes");
  const answers = async () =>
    (await api(p, "GET", "/session")).data.node;
  const name = await answers();
  await p.row(name).getByRole("link").click();
  await p.at(name);
  await p.accessible("a node");
  await p.button(t("node.drain")).click();
  await p.button(t("node.drain"), p.dialog()).click();
  await p.sees(t("node.is.draining"));
  await p.shot("draining");
  // the page, and every other, go on
  await until("the other node answers", async () => {
    for (const path of ["/accounts", "/domains", "/nodes"]) {
      const r = await api(p, "GET", path);
      equal(r.status, 200, path);
    }
    return await answers() !== name;
  }, 60);
  await p.goto("/nodes");
  await p.row(name).getByText(t("node.is.draining")).waitFor();
  await p.row(name).getByRole("link").click();
  await p.button(t("node.serve")).click();
  await p.button(t("node.serve"), p.dialog()).click();
  await p.page.locator(".badge", { hasText: t("node.is.ready") }).first()
    .waitFor();
  await ask("up", 60);
});

