/* page_message.js - one message of the queue */
import { get, may, path, Problem } from "./api.js";
import { useGet } from "./data.js";
import { confirm } from "./dialog.js";
import { html, useState } from "./lib.js";
import { QueueState } from "./page_queue.js";
import { change } from "./parts.js";
import { go } from "./router.js";
import { Table } from "./table.js";
import { t, t_if } from "./texts.js";
import { since_arrival, trace_of } from "./trace_model.js";
import { Badge, Button, Card, Facts, Failed, Loaded, Note, Num, Old, Page, Size,
	toast, When } from "./ui.js";

const kinds = { waiting: "warn", delivered: "ok", failed: "bad",
	removed: "idle" };

const columns = () => [
	{ title: t("queue.recipient"), render: (r) => r.address },
	{ title: t("queue.state"), render: (r) => html`<${Badge}
		kind=${kinds[r.state] ?? "idle"}>${t_if("queue.rcpt." + r.state) ||
		r.state}<//>` },
	{ title: t("queue.answer"), class: "long", render: (r) => r.answer ??
		t("queue.why.untried") },
	{ title: t("queue.tries"), figure: true, render: (r) =>
		html`<${Num} n=${r.tries} />` },
	{ title: t("queue.tried"), class: "nowrap", render: (r) => html`<${When}
		at=${r.tried} />${r.node && html` <span class="soft"
			>${t("queue.by", { node: r.node })}</span>`}` },
	{ title: t("queue.next"), class: "nowrap", render: (r) => html`<${When}
		at=${r.next} />` },
];

/* Header and text as they are: nothing of it is looked at but in letters. */
function Text({ id }) {
	const [text, got] = useState(null);
	const [error, failed] = useState(null);
	const load = async () => {
		failed(null);
		got((await get(path`/queue/${id}/message`)).data);
	};
	const end = text === null ? -1 : text.search(/\r?\n\r?\n/);

	if (error !== null)
		return html`<${Failed} error=${error} again=${() =>
			load().catch(failed)} />`;
	if (text === null)
		return html`<${Button} failed=${failed} onClick=${load}
			>${t("queue.header_show")}<//>`;
	return html`<pre class="letters" tabindex="0"
		>${end < 0 ? text : text.slice(0, end)}</pre>
		${end >= 0 && html`<details><summary>${t("queue.body")}</summary>
			<pre class="letters" tabindex="0"
				>${text.slice(end).trim()}</pre></details>`}`;
}

function Orders({ m, of }) {
	const order = (what) => async () => {
		await change(of, "POST", path`/queue/${m.id}` + "/" + what);
		toast(t("queue.did." + what, { n: 1 }));
	};
	const remove = async () => {
		if (await confirm({ title: t("queue.remove_title", { n: 1 }),
			text: t("queue.remove_what"), action: t("queue.remove"),
			danger: true, run: () =>
				change(of, "DELETE", path`/queue/${m.id}`) })) {
			toast(t("queue.did.remove", { n: 1 }));
			go("/queue", true);
		}
	};

	return html`<${Button} onClick=${order("retry")}>${t("queue.retry")}<//>
		${m.state === "held" ? html`<${Button} kind="primary"
			onClick=${order("release")}>${t("queue.release")}<//>`
			: html`<${Button} onClick=${order("hold")}
				>${t("queue.hold")}<//>`}
		<${Button} kind="danger-quiet" onClick=${remove}
			>${t("queue.remove")}<//>`;
}

const Reason = ({ m }) => html`<${Note} kind=${m.state === "held" ||
	m.tries > 0 ? "warn" : "info"} title=${t(m.state === "held"
	? "queue.stuck.held" : m.tries > 0 ? "queue.stuck.deferred"
	: "queue.stuck.untried")}>
	${m.answer !== null && html`<p class="mono">${m.answer}</p>`}
	<p>${t("queue.tried_times", { n: m.tries })}${m.state !== "held" &&
		m.next !== null && html` ${t("queue.next_is")} <${When}
			at=${m.next} />.`}</p><//>`;

const Shown = ({ m }) => html`
	<${Reason} m=${m} />
	<${Card} id="message" title=${t("queue.message")}><${Facts} rows=${[
		[t("queue.state"), html`<${QueueState} m=${m} />`],
		[t("queue.from"), m.from === "" ? t("queue.bounce")
			: html`<a href=${trace_of(m.from, since_arrival(m.arrived))}
				>${m.from}</a>`],
		m.account && may("accounts") && [t("queue.account"), html`<a
			href=${"/accounts/" + encodeURIComponent(m.account)}
			>${m.account}</a>`],
		[t("queue.arrived"), html`<${When} at=${m.arrived} />`],
		[t("queue.size"), html`<${Size} bytes=${m.bytes} />`],
		m.node && [t("queue.node"), m.node],
		m.envid && [t("queue.envid"), html`<code>${m.envid}</code>`],
		[t("queue.id"), html`<code>${m.id}</code>`],
		may("trace") && [t("queue.trace"), html`<a
			href=${trace_of(m.trace || m.id, since_arrival(m.arrived))}
			>${m.trace || m.id}</a>`],
	]} /><//>
	<${Table} label=${t("queue.recipients")} rows=${m.recipients}
		columns=${columns()} row_key=${(r) => r.address}
		caption=${t("queue.recipients_n", { n: m.recipients.length })} />
	<${Card} id="text" title=${t("queue.header")}><${Text} id=${m.id} /><//>`;

export default function Message({ params }) {
	const of = useGet(path`/queue/${params.id}`, undefined, 5000);
	const gone = of.error instanceof Problem && of.error.status === 404;

	return html`<${Page} title=${t("queue.title", { id: params.id })} wide
		crumbs=${[["/queue", t("nav.queue")]]} actions=${of.data && !gone &&
			may("queue", true) && html`<${Orders} m=${of.data}
				of=${of} />`}>
		${gone ? html`<${Note} title=${t("queue.gone")} actions=${may("trace")
			&& html`<a class="button" href=${trace_of(params.id,
				since_arrival(of.data?.arrived))}
				>${t("queue.trace_show")}</a>`}>${t("queue.gone_what")}<//>`
			: html`<${Loaded} of=${of}>${(m) => html`<${Old} of=${of} />
				<${Shown} m=${m} />`}<//>`}<//>`;
}
