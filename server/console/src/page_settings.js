/* page_settings.js - limits and policies of the whole cluster */
import { ask, may, path } from "./api.js";
import { useGet } from "./data.js";
import { confirm, Dialog } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { duration, number, size } from "./format.js";
import { html, useState } from "./lib.js";
import { FilterChoice } from "./parts.js";
import { query, set_query } from "./router.js";
import { amount, groups, short, wrong } from "./settings_model.js";
import { t, t_if } from "./texts.js";
import { Badge, Button, Card, Empty, Failed, Loaded, Note, Page, Search, Tabs,
	toast } from "./ui.js";

export const settings_tabs = () => [
	["settings", "/settings", t("nav.settings")],
	["certificates", "/settings/certificates", t("nav.certificates")],
	["routes", "/settings/routes", t("nav.routes")]];

/* "50M" -> "50 MiB" */
function words(s, value) {
	const n = ["bytes", "duration", "number"].includes(s.type)
		? amount(s.type, value) : null;

	if (s.type === "bool")
		return t(value === "yes" ? "ui.yes" : "ui.no");
	if (n === null)
		return value === "" ? t("setting.empty") : value;
	return s.type === "bytes" ? size(n) : s.type === "duration" && n > 0
		? duration_exact(n) : number(n);
}

/* duration() names the largest unit only: 90 s would be a minute. */
const duration_exact = (n) => {
	const unit = [86400, 3600, 60, 1].find((u) => n % u === 0);

	return n >= 60 && unit < 60 ? n + "\u00a0s" : n >= 3600 && unit < 3600
		? t("unit.minutes", { n: n / 60 }) : n >= 86400 && unit < 86400
		? t("unit.hours", { n: n / 3600 }) : duration(n);
};

const bounds = (s) => s.min === null || s.max === null || s.type === "bool" ||
	s.type === "text" ? "" : t("setting.bounds",
	{ min: words(s, String(s.min)), max: words(s, String(s.max)) });

/* How its value is entered; sizes and durations are numbers meanwhile. */
const entered = (s, value) => ["bytes", "duration", "number"].includes(s.type)
	? amount(s.type, value) : value;
const written = (s, v) => ["bytes", "duration", "number"].includes(s.type)
	? short(s.type, v) : v;
const field_types = { bytes: "size", duration: "duration", number: "number",
	bool: "choice", text: "text" };

function Change({ s, close, changed }) {
	const where = path`/settings/${s.name}`;
	const of = useGet(where);

	return html`<${Dialog} title=${s.name} onClose=${close}>
		<p>${t_if("setting.help." + s.name) || s.help}</p>
		<${Loaded} of=${of}>${(now) => html`<${ChangeForm} s=${now}
			tag=${of.tag} where=${where} close=${close}
			changed=${changed} />`}<//><//>`;
}

function ChangeForm({ s, tag, where, close, changed }) {
	const form = useForm({ initial: { value: entered(s, s.value) }, tag,
		check: ({ value }) => {
			const w = value === null || Number.isNaN(value) ? "form"
				: wrong(s, written(s, value));

			return w === null ? {} : { value: t("setting.wrong." + w) +
				" " + bounds(s) };
		},
		save: async ({ value }, then) => {
			const r = await ask("PUT", where, { tag: then,
				body: { value: written(s, value) } });

			return { data: { value: entered(r.data, r.data.value) },
				tag: r.tag };
		},
		load: async () => {
			const r = await ask("GET", where);

			return { data: { value: entered(r.data, r.data.value) },
				tag: r.tag };
		},
		saved: () => {
			changed();
			close();
		}, done_text: t("setting.saved", { name: s.name }) });

	return html`${s.node_value !== null && html`<${Overridden} s=${s} />`}
		<${Form} form=${form} action=${t("ui.save")} cancel=${close} always
			names=${{ value: t("setting.value") }}>
		<${Field} form=${form} name="value" label=${t("setting.value")}
			autoFocus type=${field_types[s.type] ?? "text"}
			options=${[["yes", t("ui.yes")], ["no", t("ui.no")]]}
			hint=${[t("setting.default", { value: words(s, s.default) }),
				bounds(s)].filter(Boolean).join(" ")} /><//>`;
}

const Overridden = ({ s }) => html`<${Note} kind="warn">${t(
	"setting.overridden", { value: words(s, s.node_value) })}<//>`;

function Row({ s, write, change, changed }) {
	const reset = async () => {
		if (await confirm({ title: t("setting.reset_title",
			{ name: s.name }), text: t("setting.default",
			{ value: words(s, s.default) }), action: t("setting.reset"),
			run: () => ask("DELETE", path`/settings/${s.name}`,
				{ tag: "*" }) })) {
			toast(t("setting.saved", { name: s.name }));
			changed();
		}
	};

	return html`<li class="setting">
		<div><h3>${s.name}${!s.is_default && html` <${Badge} kind="info"
			>${t("setting.changed")}<//>`}</h3>
			<p class="soft">${t_if("setting.help." + s.name) || s.help}</p>
			${s.node_value !== null && html`<${Overridden} s=${s} />`}
		</div>
		<div class="setting-value"><strong>${words(s, s.value)}</strong>
			${!s.is_default && html`<span class="soft">${t(
				"setting.default", { value: words(s, s.default) })}
				</span>`}</div>
		${write && html`<div class="actions"><${Button} kind="small"
			onClick=${() => change(s)} aria-label=${t(
				"setting.change_what", { name: s.name })}
			>${t("setting.change")}<//>
			${!s.is_default && html`<${Button} kind="small quiet"
				onClick=${reset} aria-label=${t(
					"setting.reset_what", { name: s.name })}
				>${t("setting.reset")}<//>`}</div>`}</li>`;
}

export default function Settings() {
	const of = useGet("/settings", { limit: 1000 });
	const [changing, change] = useState(null);
	const search = query("search"), only = query("only");
	const write = may("settings", true);

	return html`<${Page} title=${t("nav.settings")}>
		<${Tabs} at="settings" tabs=${settings_tabs()}
			label=${t("nav.settings")} />
		<p class="soft">${t("settings.what")}</p>
		<div class="bar"><${Search} value=${search}
			label=${t("settings.search")}
			onSearch=${(s) => set_query({ search: s })} />
			<${FilterChoice} name="only" value=${only}
				label=${t("settings.which")}
				options=${[["changed", t("settings.changed")]]} /></div>
		<${Loaded} of=${of}>${(d) => {
			const found = groups(d.items, search, only !== "");

			return html`${of.error && html`<${Failed} error=${of.error}
				again=${of.reload} />`}
				${found.length === 0 ? html`<${Empty}
					title=${t("settings.none")} />`
				: found.map((g) => html`<${Card} key=${g.name}
				id=${"s-" + g.name} title=${t_if("settings.group." +
					g.name) || g.name}><ul class="settings">
				${g.list.map((s) => html`<${Row} key=${s.name} s=${s}
					write=${write} change=${change}
					changed=${of.reload} />`)}</ul><//>`)}`;
		}}<//>
		${changing && html`<${Change} s=${changing}
			close=${() => change(null)} changed=${of.reload} />`}
	<//>`;
}
