/* page_queue.js - mail for elsewhere that is still here, and why */
import { ask, may } from "./api.js";
import { useList } from "./data.js";
import { confirm } from "./dialog.js";
import { html, useEffect, useRef, useState } from "./lib.js";
import { Filter, FilterChoice, Several } from "./parts.js";
import { query, set_query } from "./router.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { Badge, Button, Empty, Note, Num, Page, Search, Size, toast, When }
	from "./ui.js";

const ORDERS_MAX = 1000;
const REFRESH_MS = 5000;
/* What another node did is seen by all in 3 s. */
const SEEN_MS = 3500;

export const QueueState = ({ m }) => m.state === "held"
	? html`<${Badge} kind="warn">${t("queue.is.held")}<//>`
	: m.tries > 0 ? html`<${Badge} kind="bad">${t("queue.is.deferred")}<//>`
	: html`<${Badge} kind="idle">${t("queue.is.waiting")}<//>`;

const Why = ({ m }) => html`<div class="why"><${QueueState} m=${m} />
	<span class="soft">${m.answer ?? t(m.state === "held"
		? "queue.why.held" : "queue.why.untried")}</span></div>`;

const columns = () => [
	{ title: t("queue.from_to"), class: "long", render: (m) => html`${m.from ||
		t("queue.bounce")}<span class="to"><span aria-hidden="true"
		>→ </span><span class="hidden">${t("queue.to")} </span><${Several}
		list=${m.to} all=${m.waiting} /></span>` },
	{ title: t("queue.why"), class: "long", render: (m) =>
		html`<${Why} m=${m} />` },
	{ title: t("queue.tries"), figure: true, render: (m) =>
		html`<${Num} n=${m.tries} />` },
	{ title: t("queue.next"), class: "nowrap", render: (m) => m.state ===
		"held" ? t("queue.not_tried") : html`<${When} at=${m.next} />` },
	{ title: t("queue.arrived"), class: "nowrap", render: (m) =>
		html`<${When} at=${m.arrived} />` },
	{ title: t("queue.size"), figure: true, class: "nowrap", render: (m) =>
		html`<${Size} bytes=${m.bytes} />` },
];

/* Orders of what was chosen; those that could not be done are named. */
function Orders({ chosen, done }) {
	const ids = [...chosen];
	const run = async (order) => {
		const left = [...ids];
		const sum = { done: 0, failed: [] };

		while (left.length > 0) {
			const { data } = await ask("POST", "/queue/orders",
				{ body: { order, ids: left.splice(0, ORDERS_MAX) } });

			sum.done += data.done;
			sum.failed.push(...data.failed);
		}
		if (sum.done > 0)
			toast(t("queue.did." + order, { n: sum.done }));
		done(sum.failed);
	};
	const remove = async () => {
		await confirm({ title: t("queue.remove_title", { n: ids.length }),
			text: t("queue.remove_what"), action: t("queue.remove"),
			danger: true, run: () => run("remove") });
	};

	return html`<div class="bar chosen" role="group"
		aria-label=${t("queue.chosen", { n: ids.length })}>
		<strong>${t("queue.chosen", { n: ids.length })}</strong>
		<${Button} onClick=${() => run("retry")}>${t("queue.retry")}<//>
		<${Button} onClick=${() => run("hold")}>${t("queue.hold")}<//>
		<${Button} onClick=${() => run("release")}>${t("queue.release")}<//>
		<${Button} kind="danger-quiet" onClick=${remove}
			>${t("queue.remove")}<//></div>`;
}

const Failures = ({ failed, close }) => html`<${Note} kind="bad"
	title=${t("queue.failed", { n: failed.length })}
	actions=${html`<button type="button" class="button" onClick=${close}
		>${t("ui.close")}</button>`}>
	<ul>${failed.slice(0, 20).map((f) => html`<li key=${f.id}><a
		href=${"/queue/" + encodeURIComponent(f.id)}>${f.id}</a>: ${f.detail}
		</li>`)}</ul>
	${failed.length > 20 && t("ui.more", { n: failed.length - 20 })}<//>`;

export default function Queue() {
	const filter = { search: query("search"), domain: query("domain"),
		from: query("from"), state: query("state") };
	const list = useList("/queue", filter, undefined, REFRESH_MS);
	const latest = useRef(list);
	const seen = useRef(0);
	const [chosen, choose] = useState(new Set());
	const [failed, fail] = useState([]);
	const filtered = Object.values(filter).some((v) => v !== "");
	const write = may("queue", true);

	latest.current = list;
	/* Not before what is being asked for has come. */
	const look_soon = () => {
		clearTimeout(seen.current);
		seen.current = setTimeout(() => latest.current.busy
			? look_soon() : latest.current.refresh(), SEEN_MS);
	};

	useEffect(() => () => clearTimeout(seen.current), []);
	/* What is gone from the list is not ordered about unseen. */
	useEffect(() => {
		choose((c) => new Set(list.items.map((m) => m.id)
			.filter((id) => c.has(id))));
	}, [list.items]);
	return html`<${Page} title=${t("nav.queue")} wide actions=${html`
		<button type="button" class="button" aria-busy=${list.busy
			? "true" : undefined} onClick=${list.reload}
			>${t("ui.refresh")}</button>`}>
		<div class="bar">
			<${Search} value=${filter.search} label=${t("queue.search")}
				onSearch=${(search) => set_query({ search })} />
			<${Filter} name="domain" value=${filter.domain}
				label=${t("queue.to_domain")}
				placeholder="example.org" />
			<${Filter} name="from" value=${filter.from}
				label=${t("queue.from")}
				placeholder=${t("queue.from_like")} />
			<${FilterChoice} name="state" value=${filter.state}
				label=${t("queue.state")} options=${[
					["waiting", t("queue.is.waiting")],
					["held", t("queue.is.held")]]} />
		</div>
		${failed.length > 0 && html`<${Failures} failed=${failed}
			close=${() => fail([])} />`}
		${write && chosen.size > 0 && html`<${Orders} chosen=${chosen}
			done=${(f) => {
				fail(f);
				choose(new Set(f.map((x) => x.id)));
				list.reload();
				look_soon();
			}} />`}
		<${Table} label=${t("nav.queue")} list=${list} columns=${columns()}
			row_key=${(m) => m.id} href=${(m) => "/queue/" +
				encodeURIComponent(m.id)}
			chosen=${write ? chosen : undefined} onChoose=${choose}
			empty=${html`<${Empty} title=${t(filtered
				? "queue.none_found" : "queue.none")}>${t(filtered
				? "queue.none_found_what" : "queue.none_what")}<//>`} />
	<//>`;
}
