/* share.js - whether the share is well, in words */
import { useGet } from "./data.js";
import { number } from "./format.js";
import { html } from "./lib.js";
import { t, t_if } from "./texts.js";
import { Badge, Card, Facts, Failed, Loaded, Note, Num, Page, Tabs }
	from "./ui.js";
import { words as say } from "./overview_model.js";
import { Latency, node_tabs, Storage } from "./nodes_parts.js";

const Words = ({ words }) => html`<ul class="problems">
	${words.map((w) => html`<li key=${w.code + (w.object ?? "")}
		class=${w.level}><${Badge} kind=${w.level}
			>${t("level." + w.level)}<//>
		<span class="words">${say(w, t_if)}</span></li>`)}</ul>`;

export default function Share() {
	const share = useGet("/share", undefined, 5000);

	return html`<${Page} title=${t("nodes.share")} wide>
		<${Tabs} at="share" tabs=${node_tabs()} label=${t("nav.nodes")} />
		<${Loaded} of=${share}>${(s) => html`
			${share.error && html`<${Failed} error=${share.error}
				again=${share.reload} />`}
			${s.away && html`<${Note} kind="bad">${t("share.away")}<//>`}
			${s.state.readonly && html`<${Note} kind="bad"
				title=${t("share.readonly")}>${s.state.readonly}<//>`}
			<${Card} class=${s.words.length === 0 ? "calm" : ""}
				><p class="calm-words"><${Badge} kind=${s.level}
				>${t("share.is." + s.level)}<//></p>
				${s.words.length > 0 && html`<${Words}
					words=${s.words} />`}<//>
			<${Card} id="space" title=${t("storage.title")}>
				${s.total_bytes > 0 ? html`<${Storage}
					free=${s.free_bytes} total=${s.total_bytes} />`
					: html`<p>${t("storage.unknown")}</p>`}
				<${Facts} rows=${[
					[t("share.latency"), html`<${Latency}
						us=${s.latency_us} />`],
					[t("share.files"), html`<${Num}
						n=${s.free_files} />`],
					[t("share.durability"), t_if("share.durability." +
						s.durability) || s.durability],
					[t("share.name"), s.name],
					[t("share.uuid"), html`<code>${s.uuid}</code>`],
					[t("share.entry"), number(s.state.entry)],
					[t("share.schema"), number(s.state.schema)],
				]} /><//>`}<//>
	<//>`;
}
