/* table.js - lists */
import { html, useRef } from "./lib.js";
import { go } from "./router.js";
import { t } from "./texts.js";
import { Busy, Failed } from "./ui.js";

/*
 * <${Table} label="Domains" list=${useList(...)} or rows=${[...]}
 *	row_key=${(d) => d.name} href=${(d) => "/domains/" + d.name}
 *	columns=${[{ title, render: (d) => ..., figure: true, class }]}
 *	empty=${html`<${Empty} .../>`}
 *	chosen=${Set of keys} onChoose=${(Set) => ...} />
 *
 * Arrows, Home and End move from row to row, Enter opens, Space chooses.  On a
 * narrow screen rows become cards, with the columns' titles before the values;
 * the first column is the heading.
 */
export function Table({ label, list, rows, columns, row_key, href, empty,
	chosen, onChoose, caption }) {
	const body = useRef();
	const items = rows || list.items;
	const all = chosen && items.length > 0 &&
		items.every((r) => chosen.has(row_key(r)));

	if (list?.error && items.length === 0)
		return html`<${Failed} error=${list.error}
			again=${list.reload} />`;
	if (list && !list.loaded)
		return html`<${Busy} />`;
	if (items.length === 0)
		return empty;

	const choose = (key) => {
		const next = new Set(chosen);

		if (!next.delete(key))
			next.add(key);
		onChoose(next);
	};
	const move = (e) => {
		const at = e.target.closest("tr");
		const to = { ArrowDown: at?.nextElementSibling,
			ArrowUp: at?.previousElementSibling,
			Home: body.current.firstElementChild,
			End: body.current.lastElementChild }[e.key];

		if (e.target.closest("input:not([type=checkbox]), select, textarea"))
			return;
		if (to) {
			e.preventDefault();
			(to.querySelector("a, input, button") || to).focus();
		} else if (e.key === "ArrowDown" && list?.next) {
			list.more();
		} else if (e.key === " " && chosen && e.target.closest("a")) {
			e.preventDefault();
			choose(at.dataset.key);
		}
	};
	/* A click anywhere in the row is one on its link. */
	const click = (e, row) => {
		if (href && !e.defaultPrevented &&
		    !e.target.closest("a, button, input, label") &&
		    getSelection().isCollapsed)
			go(href(row));
	};

	return html`<div class="table-box">
		<table aria-label=${label} aria-busy=${list?.busy ? "true"
			: undefined}>
			${caption && html`<caption>${caption}</caption>`}
			<thead><tr>
				${chosen && html`<th class="choose"><input
					type="checkbox" checked=${all}
					aria-label=${t("table.all")}
					onChange=${() => onChoose(new Set(all ? []
						: items.map(row_key)))} /></th>`}
				${columns.map((c) => html`<th scope="col"
					class=${cell_class(c)}>${c.title || html`
					<span class="hidden">${t("table.actions")}</span
					>`}</th>`)}
			</tr></thead>
			<tbody ref=${body} onKeyDown=${move}>
				${items.map((r) => html`<${Row} key=${row_key(r)}
					id=${row_key(r)} row=${r}
					columns=${columns} href=${href}
					chosen=${chosen} choose=${choose}
					click=${click} />`)}
			</tbody>
		</table>
		${list && html`<div class="table-foot">
			<span role="status">${t(list.next ? "table.shown"
				: "table.count", { n: items.length })}</span>
			${list.next && html`<button type="button" class="button"
				aria-busy=${list.busy ? "true" : undefined}
				onClick=${list.more}>${t("table.more")}</button>`}
			</div>`}
		${list?.error && html`<${Failed} error=${list.error}
			again=${list.reload} />`}
	</div>`;
}

const cell_class = (c) => (c.figure ? "figures " : "") + (c.class || "");

const Row = ({ id, row, columns, href, chosen, choose, click }) => html`
	<tr data-key=${id} class=${href ? "opens" : ""}
		onClick=${(e) => click(e, row)}>
		${chosen && html`<td class="choose"><input type="checkbox"
			aria-label=${t("table.choose", { what: id })}
			checked=${chosen.has(id)} onChange=${() => choose(id)}
			/></td>`}
		${columns.map((c, i) => html`<td class=${cell_class(c)}
			data-title=${i > 0 ? c.title : undefined}>
			${i === 0 && href ? html`<a class="row-link"
				href=${href(row)}>${c.render(row)}</a>`
				: html`<div>${c.render(row)}</div>`}</td>`)}
	</tr>`;
