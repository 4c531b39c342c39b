/* page_trace.js - what happened to a message, on any node */
import { get, session } from "./api.js";
import { clock, full_time, iso, number } from "./format.js";
import { html, useEffect, useId, useRef, useState } from "./lib.js";
import { query, set_query } from "./router.js";
import { t, t_if } from "./texts.js";
import { Badge, Busy, Card, Empty, Failed, Note, Page, Size, When }
	from "./ui.js";
import { moment, period, spans, stories, text, tone, trace_of }
	from "./trace_model.js";

const SHOWN = 30;

/* --- what is looked for --- */

function Ask({ q, since, until, asked, busy }) {
	const [what, set_what] = useState(q);
	const [when, set_when] = useState(() => period(since, until,
		Date.now()));
	const { span, from, to } = when;
	const put = (changes) => set_when((w) => ({ ...w, ...changes }));
	const input = useRef();
	const id = useId();

	/* What is shown was looked for in this period, and no other. */
	useEffect(() => {
		set_what(q);
		set_when(period(since, until, Date.now()));
	}, [q, since, until, asked]);
	useEffect(() => {
		if (q === "")
			input.current.focus();
	}, []);
	const submit = (e) => {
		e.preventDefault();
		set_query({ q: what.trim(), since: span === "from" ? from : span,
			until: span === "from" ? to : "", at: Date.now() });
	};

	return html`<form class="trace-ask" role="search" onSubmit=${submit}>
		<div class="field grow"><label for=${id}>${t("trace.what")}</label>
			<input id=${id} ref=${input} type="search" value=${what}
				required autocomplete="off" autocapitalize="none"
				spellcheck=${false} aria-describedby=${id + "h"}
				onInput=${(e) => set_what(e.target.value)} />
			<p class="hint" id=${id + "h"}>${t("trace.what_hint")}</p></div>
		<div class="field"><label for=${id + "s"}>${t("trace.since")}</label>
			<select id=${id + "s"} onChange=${(e) =>
				put({ span: e.target.value })}>
				${spans.map((s) => html`<option value=${s}
					selected=${s === span}>${t("trace.span." + s)}
					</option>`)}
				<option value="from" selected=${span === "from"}
					>${t("trace.span.from")}</option></select></div>
		${span === "from" && html`
		<div class="field"><label for=${id + "f"}>${t("trace.from")}</label>
			<input id=${id + "f"} type="datetime-local" value=${from}
				onInput=${(e) => put({ from: e.target.value })} /></div>
		<div class="field"><label for=${id + "t"}>${t("trace.until")}</label>
			<input id=${id + "t"} type="datetime-local" value=${to}
				onInput=${(e) => put({ to: e.target.value })} /></div>`}
		<button type="submit" class="button primary" aria-busy=${busy
			? "true" : undefined}>${t("trace.search")}</button>
	</form>`;
}

/* A search of its own each time it is asked for: answers are not watched. */
function useTrace(q, since, until, asked) {
	const [state, set] = useState({});

	useEffect(() => {
		const stop = new AbortController();
		const now = Date.now();

		if (q === "") {
			set({});
			return undefined;
		}
		set((s) => ({ ...s, busy: true }));
		get("/trace", { q, since: moment(since || "1d", now),
			until: until === "" ? undefined : moment(until, now) },
			stop.signal).then(
			({ data }) => set({ q, found: stories(data),
				more: data.more === true }),
			(error) => stop.signal.aborted || set({ error }));
		return () => stop.abort();
	}, [q, since, until, asked]);
	return state;
}

/* --- what was found --- */

const verdict = (v) => t_if("trace.is." + v) || v || t("trace.is.unknown");

/* Milliseconds between two steps. */
function offset(ms) {
	const s = ms / 1000;

	if (ms < 1)
		return "";
	return "+" + (s < 60 ? number(s, s < 10 ? 1 : 0) + "\u00a0s"
		: s < 5400 ? number(s / 60, 0) + "\u00a0min"
		: s < 172800 ? number(s / 3600, 1) + "\u00a0h"
		: number(s / 86400, 1) + "\u00a0d");
}

function fact(f) {
	if (f.key === "bytes" && Number.isFinite(f.value))
		return html`<${Size} bytes=${f.value} />`;
	if (f.key === "ms" && Number.isFinite(f.value))
		return t("unit.ms", { n: number(f.value) });
	if (f.key === "next" && Number.isFinite(f.value))
		return html`<${When} at=${iso(f.value)} />`;
	if (f.key === "id" || f.key === "queue" || f.key === "msgid")
		return html`<a href=${trace_of(text(f.value), query("since"),
			query("until"))}>${text(f.value)}</a>`;
	return text(f.value);
}

const Dialogue = ({ log }) => html`<ol class="dialogue" tabindex="0">
	${log.map((line) => html`<li class=${line.by}><span class="hidden"
		>${t("trace.said." + line.by)} </span>${line.text}</li>`)}</ol>`;

const Step = ({ s }) => html`<li class=${"step " + s.tone}>
	<div class="step-time"><time datetime=${s.at} title=${full_time(s.at)}
		>${clock(s.at)}</time>
		<span class="soft">${offset(s.after_ms)}</span></div>
	<div class="step-what">
		<p><${Badge} kind="info">${s.node}<//> ${t(s.key, s.words)}</p>
		${s.codes.length > 0 && s.codes.some((c) => c.code[0] !== "2") &&
		html`<ul class="codes">${s.codes.map((c) => html`<li><strong
			>${c.address}</strong> ${c.code}</li>`)}</ul>`}
		${s.cut && html`<p class="soft">${t("trace.cut")}</p>`}
		<details><summary>${t("trace.details")}</summary>
			<dl class="facts">${s.facts.map((f) => html`<div key=${f.key}>
				<dt>${f.known ? t("trace.fact." + f.key) : f.key}</dt>
				<dd>${fact(f)}</dd></div>`)}</dl></details>
		${s.log.length > 0 && html`<details><summary>${t("trace.dialogue",
			{ n: s.log.length })}</summary><${Dialogue} log=${s.log}
			/></details>`}
	</div></li>`;

const Recipients = ({ list }) => html`<ul class="outcomes">
	${list.slice(0, 100).map((r) => html`<li key=${r.address}><${Badge}
		kind=${tone(r.state)}>${verdict(r.state)}<//>
		<strong>${r.address}</strong> <span class="soft">${r.answer}</span>
		${r.next !== null && html` <span class="soft">${t("trace.next")}
			${" "}<${When} at=${iso(r.next)} /></span>`}</li>`)}
	${list.length > 100 && html`<li class="soft">${t("ui.more",
		{ n: list.length - 100 })}</li>`}</ul>`;

/* From whom to whom; or what was done, where nobody wrote to anybody. */
function Who({ s }) {
	const to = s.recipients.map((r) => r.address);

	if (s.from === "" && to.length === 0)
		return t(s.steps[0].key, s.steps[0].words);
	return html`<strong>${s.from || t("trace.nobody")}</strong> <span
		aria-hidden="true">→</span><span class="hidden">${t("trace.to")}
		</span> ${to[0] ?? "–"}${to.length > 1 && html` <span
			class="soft">${t("ui.others", { n: to.length - 1 })}</span>`}`;
}

/* A story is drawn when it is opened: a transcript of 16 kB each adds up. */
function Story({ s, opened }) {
	const [open, set] = useState(opened);

	return html`<details class="card story" open=${open}
		onToggle=${(e) => set(e.currentTarget.open)}>
		<summary><span class="story-head">
			<${Badge} kind=${s.tone}>${verdict(s.verdict)}<//>
			<span class="story-who"><${Who} s=${s} /></span>
			${s.bounced && html`<${Badge} kind="warn"
				>${t("trace.bounced")}<//>`}
			<span class="story-when soft"><${When} at=${s.begin} />
				${" · "}${s.nodes.join(", ")}</span></span></summary>
		${open && html`<div class="story-body">
			${s.recipients.length > 0 && html`<${Recipients}
				list=${s.recipients} />`}
			<p class="soft story-id">${t("trace.transaction", { id: s.id })}
				${s.msgid !== "" && html` · ${s.msgid}`}
				${s.queue !== "" && html` · <a href=${"/queue/" +
					encodeURIComponent(s.queue)}>${t("trace.queue",
					{ id: s.queue })}</a>`}</p>
			<ol class="timeline">${s.steps.map((x, i) => html`<${Step}
				key=${i} s=${x} />`)}</ol></div>`}
	</details>`;
}

function Found({ of }) {
	const [shown, show] = useState(SHOWN);

	useEffect(() => show(SHOWN), [of.found]);
	if (of.found.length === 0)
		return html`<${Empty} title=${t("trace.none", { q: of.q })}
			>${t("trace.none_what")}<//>`;
	return html`<div class="stack">
		<p role="status">${t("trace.found", { n: of.found.length })}</p>
		${of.more && html`<${Note} kind="warn">${t("trace.more")}<//>`}
		${of.found.slice(0, shown).map((s, i) => html`<${Story}
			key=${s.id + i} s=${s} opened=${of.found.length === 1} />`)}
		${of.found.length > shown && html`<div><button type="button"
			class="button" onClick=${() => show(shown + SHOWN)}
			>${t("table.more")}</button></div>`}</div>`;
}

export default function Trace() {
	const q = query("q");
	const of = useTrace(q, query("since"), query("until"), query("at"));
	const domain = session.get()?.domain;

	return html`<${Page} title=${t("nav.trace")} wide>
		<${Card}><${Ask} q=${q} since=${query("since")}
			until=${query("until")} asked=${query("at")}
			busy=${of.busy} />
			${domain && html`<p class="soft">${t("trace.domain",
				{ domain })}</p>`}<//>
		${of.error ? html`<${Failed} error=${of.error} />`
			: of.found ? html`<${Found} of=${of} />`
			: of.busy ? html`<${Busy} text=${t("trace.busy")} />`
			: html`<${Empty} title=${t("trace.empty")}
				>${t("trace.empty_what")}<//>`}
	<//>`;
}
