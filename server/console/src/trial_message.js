/* trial_message.js - a message that is sent, and followed by its trace */
import { ask } from "./api.js";
import { useGet } from "./data.js";
import { html, useEffect, useState } from "./lib.js";
import { t } from "./texts.js";
import { Badge, Button, Busy, Facts, Failed, Note } from "./ui.js";

const WAIT_MS = 60000;

/* where: the account's path in the API */
export function TestMessage({ where, small }) {
	const [state, set] = useState({ at: "ready" });
	const send = async () => {
		const begun = Date.now();

		set({ at: "sent", begun });
		try {
			const r = await ask("POST", where + "/test-message",
				{ tag: "*" });

			set({ at: "sent", begun, id: r.data.id });
		} catch (error) {
			set({ at: "failed", error });
		}
	};

	return html`
		${state.at === "failed" && html`<${Failed}
			error=${state.error} />`}
		${state.at === "sent" ? html`<${Follow} id=${state.id}
			begun=${state.begun} again=${send} />`
		: html`<div><${Button} kind=${small ? "small" : "primary"}
			onClick=${send}>${t("account.test")}<//></div>`}`;
}

function Follow({ id, begun, again }) {
	const [over, end] = useState(false);
	const trace = useGet(id && !over ? "/trace" : null, { q: id }, 1000);
	const events = (trace.data?.groups || []).flatMap((g) => g.events);
	const arrived = events.find((e) => e.verdict === "delivered");
	const failed = events.find((e) => ["failed", "refused", "dropped"]
		.includes(e.verdict));

	useEffect(() => {
		const timer = setTimeout(() => end(true),
			begun + WAIT_MS - Date.now());

		return () => clearTimeout(timer);
	}, [begun]);
	useEffect(() => {
		if (arrived || failed)
			end(true);
	}, [!!arrived, !!failed]);
	if (arrived)
		return html`<${Note} kind="ok" title=${t("start.arrived")}>
			<${Facts} rows=${[
				[t("trace.rcpt"), [].concat(arrived.rcpt).join(", ")],
				[t("trace.id"), html`<a href=${"/trace?q=" +
					encodeURIComponent(id)}>${id}</a>`],
				[t("trace.node"), arrived.node],
				arrived.ms !== undefined && [t("trace.took"),
					arrived.ms + " ms"],
			]} /><//>`;
	if (failed || over)
		return html`<${Note} kind="bad" title=${t("start.not_arrived")}
			actions=${html`<button type="button" class="button"
				onClick=${again}>${t("ui.again")}</button>`}>
			${failed ? failed.answer || failed.verdict
				: t("start.no_trace", { id: id || "–" })}<//>`;
	return html`<div class="stack">
		<div class="row"><${Badge} kind="ok">${t("start.sent")}<//>
			${id && html`<code>${id}</code>`}</div>
		<${Busy} text=${t("start.waiting")} /></div>`;
}
