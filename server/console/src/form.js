/* form.js - changing things: fields, errors at their fields, collisions */
import { Problem, said } from "./api.js";
import { confirm } from "./dialog.js";
import { parse_duration, parse_size, write_duration, write_size }
	from "./format.js";
import { html, useEffect, useId, useLayoutEffect, useRef, useState }
	from "./lib.js";
import { set_guard } from "./router.js";
import { t } from "./texts.js";
import { Note, toast } from "./ui.js";

const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/*
 * const form = useForm({
 *	initial: the object as it is, or what a new one begins with,
 *	tag: its ETag,
 *	save: async (values, tag, changes) => { data, tag }; changes has only
 *		what differs from initial,
 *	load: async () => { data, tag }: the object as it is now,
 *	saved: (data, tag) => what happens then,
 *	check: (values) => ({ field: sentence }), before anything is sent
 * });
 * <${Form} form=${form} action="Save"><${Field} form=${form} name="note" .../>
 *
 * When somebody else was quicker (412), what he changed is shown, and whoever
 * wrote here decides: load it, or keep his own and save again.  A new tag from
 * the page, after another change there, is followed.
 */
export function useForm({ initial, tag, save, load, saved, check, done_text }) {
	const [base, set_base] = useState({ values: initial, tag });
	const [values, set_values] = useState(initial);
	const [errors, set_errors] = useState({});
	const [error, set_error] = useState(null);
	const [theirs, set_theirs] = useState(null);
	const [busy, set_busy] = useState(false);
	const [round, next_round] = useState(0);
	const alive = useRef(true);
	const seen = useRef(tag);

	useEffect(() => () => {
		alive.current = false;
	}, []);
	const changes = Object.fromEntries(Object.entries(values)
		.filter(([k, v]) => !same(v, base.values[k])));
	const start = (data, new_tag) => {
		set_base({ values: data, tag: new_tag });
		set_values(data);
		set_errors({});
		set_error(null);
		set_theirs(null);
		next_round((n) => n + 1);
	};
	/* The object changed beside the form: its new state is begun with, unless
	 * somebody changed what is being changed here. */
	const follow = () => {
		const now = { ...initial, ...changes };

		if (Object.keys(changes).some((k) =>
			!same(initial[k], base.values[k]) &&
			!same(initial[k], values[k])))
			return;
		set_base({ values: initial, tag });
		if (same(now, values))
			return;
		set_values(now);
		next_round((n) => n + 1);
	};

	useEffect(() => {
		if (busy || theirs !== null || tag === seen.current)
			return;
		seen.current = tag;
		if (tag !== base.tag)
			follow();
	}, [tag, busy, theirs]);
	const refused = async (problem) => {
		if (!(problem instanceof Problem))
			set_error(String(problem));
		else if (problem.code === "precondition_failed" && load) {
			try {
				set_theirs(await load());
			} catch (e) {
				set_error(said(e));
			}
		} else if (problem.field !== "")
			set_errors({ [problem.field]: problem.detail ||
				problem.text() });
		else
			set_error(problem.text());
	};
	const submit = async (e) => {
		e?.preventDefault();
		if (busy)
			return;
		const wrong = check?.(values) || {};

		for (const [k, v] of Object.entries(values))
			if (Number.isNaN(v))
				wrong[k] = errors[k] || t("form.wrong");
		set_errors(wrong);
		set_error(null);
		if (Object.keys(wrong).length > 0)
			return;
		set_busy(true);
		try {
			const r = await save(values, base.tag, changes);

			if (alive.current && r?.data && load)
				start(r.data, r.tag);
			if (done_text)
				toast(done_text);
			saved?.(r?.data, r?.tag);
		} catch (problem) {
			if (alive.current)
				await refused(problem);
		}
		if (alive.current)
			set_busy(false);
	};

	return {
		values, errors, error, theirs, busy, submit, changes, round,
		base: base.values,
		dirty: Object.keys(changes).length > 0,
		set: (name, value) => {
			set_values((v) => ({ ...v, [name]: value }));
			set_errors(({ [name]: gone, ...others }) => others);
		},
		set_error: (name, text) =>
			set_errors((e) => ({ ...e, [name]: text })),
		undo: () => start(base.values, base.tag),
		take_theirs: () => start(theirs.data, theirs.tag),
		keep_mine: () => {
			set_base({ values: theirs.data, tag: theirs.tag });
			/* What we did not touch is theirs now. */
			set_values({ ...theirs.data, ...changes });
			set_theirs(null);
			next_round((n) => n + 1);
		},
	};
}

/* Leaving with unsaved input asks first. */
function useGuard(on) {
	useLayoutEffect(() => {
		const leave = (e) => e.preventDefault();

		if (!on)
			return undefined;
		addEventListener("beforeunload", leave);
		set_guard(() => confirm({ title: t("form.leave_title"),
			text: t("form.leave"), action: t("form.leave_action"),
			danger: true }));
		return () => {
			removeEventListener("beforeunload", leave);
			set_guard(null);
		};
	}, [on]);
}

/* guard: ask before the page is left; names: { field: its label } for the list
 * of what somebody else changed. */
export function Form({ form, action, children, cancel, guard, kind, names,
	always }) {
	const box = useRef();
	const wrong = Object.keys(form.errors).join();

	useGuard(!!guard && form.dirty && !form.busy);
	useEffect(() => {
		if (wrong !== "")
			box.current.querySelector("[aria-invalid=true]")?.focus();
	}, [wrong]);
	const shown = new Set([...(box.current?.querySelectorAll("[data-field]")
		|| [])].map((x) => x.dataset.field));
	const elsewhere = Object.entries(form.errors)
		.filter(([name]) => box.current && !shown.has(name));

	return html`<form ref=${box} class="form" noValidate
		onSubmit=${form.submit}>
		${form.theirs && html`<${Collision} form=${form}
			names=${names || {}} />`}
		${children}
		${form.error && html`<${Note} kind="bad">${form.error}<//>`}
		${elsewhere.map(([name, text]) => html`<${Note} kind="bad"
			>${name}: ${text}<//>`)}
		<div class="form-foot">
			${cancel && html`<button type="button" class="button"
				onClick=${cancel}>${t("ui.cancel")}</button>`}
			${guard && form.dirty && html`<button type="button"
				class="button" onClick=${form.undo}
				>${t("form.undo")}</button>`}
			<button type="submit" class=${"button " +
				(kind || "primary")} aria-busy=${form.busy
				? "true" : undefined}
				disabled=${!always && !!guard && !form.dirty}
				>${action}</button>
		</div>
	</form>`;
}

const show = (v) => v === null || v === undefined || v === "" ? "–"
	: Array.isArray(v) ? v.join(", ") || "–"
	: typeof v === "boolean" ? t(v ? "ui.yes" : "ui.no") : String(v);

function Collision({ form, names }) {
	const moved = Object.entries(form.theirs.data).filter(([k, v]) =>
		k in form.base && !same(v, form.base[k]) && k in names);

	return html`<${Note} kind="warn" title=${t("form.collision_title")}
		actions=${html`
			<button type="button" class="button"
				onClick=${form.take_theirs}
				>${t("form.take_theirs")}</button>
			<button type="button" class="button primary"
				onClick=${form.keep_mine}
				>${t("form.keep_mine")}</button>`}>
		<p role="alert">${t("form.collision")}</p>
		${moved.length > 0 && html`<ul>${moved.map(([k, v]) => html`
			<li>${names[k]}: ${show(form.base[k])} → <strong
				>${show(v)}</strong></li>`)}</ul>`}
		<p>${t("form.collision_kept")}</p>
	<//>`;
}

/* --- fields --- */

/*
 * <${Field} form name label hint type required ...attributes of the input />
 * type: text (default), password, email, number, size (bytes), duration
 * (seconds), check, choice (options: [[value, text]]), lines (an array of
 * strings, one a line), area.  none: what an empty number, size or duration
 * means (its value is null, or `empty`).
 */
export function Field({ form, name, label, hint, type = "text", options,
	required, none, empty = null, autoFocus, ...more }) {
	const id = useId();
	const input = useRef();
	const error = form.errors[name];
	const described = [hint && id + "h", error && id + "e"]
		.filter(Boolean).join(" ") || undefined;

	/* Dialogs look for the attribute, other pages do not. */
	useEffect(() => {
		if (autoFocus)
			input.current?.focus();
	}, []);
	const common = { id, name, ref: input, "data-field": name, required,
		autofocus: !!autoFocus,
		"aria-invalid": error ? "true" : undefined,
		"aria-describedby": described, ...more };
	const Kind = kinds[type] || Plain;

	return html`<div class=${"field " + type}>
		${type !== "check" && html`<label for=${id}>${label}</label>`}
		<${Kind} key=${form.round} value=${form.values[name]}
			change=${(v) => form.set(name, v)} type=${type}
			wrong=${(text) => form.set_error(name, text)}
			label=${label} options=${options} none=${none}
			empty=${empty} common=${common} />
		${hint && html`<p class="hint" id=${id + "h"}>${hint}</p>`}
		${error && html`<p class="error" id=${id + "e"}><span
			aria-hidden="true">✕ </span>${error}</p>`}
	</div>`;
}

const Plain = ({ value, change, type, common }) => html`
	<input ...${common} type=${type} value=${value ?? ""}
		spellcheck=${false} autocapitalize="none"
		onInput=${(e) => change(e.target.value)} />`;

const Check = ({ value, change, label, common }) => html`
	<label class="check"><input ...${common} type="checkbox"
		checked=${!!value} onChange=${(e) => change(e.target.checked)} />
		<span>${label}</span></label>`;

const Choice = ({ value, change, options, common }) => html`
	<select ...${common} value=${value}
		onChange=${(e) => change(e.target.value)}>
		${options.map(([v, text]) => html`<option value=${v}
			selected=${v === value}>${text}</option>`)}
	</select>`;

const Area = ({ value, change, common }) => html`
	<textarea rows="4" ...${common} value=${value ?? ""}
		onInput=${(e) => change(e.target.value)}></textarea>`;

function Lines({ value, change, common }) {
	const [text, set] = useState((value || []).join("\n"));

	return html`<textarea rows=${Math.min(12, Math.max(3,
		(value || []).length + 1))} spellcheck=${false}
		autocapitalize="none" ...${common} value=${text}
		onInput=${(e) => {
			set(e.target.value);
			change(e.target.value.split(/[\s,;]+/).filter(Boolean));
		}}></textarea>`;
}

/* A number that is written in some way of its own. */
const written = (write, parse, example) =>
	function Written({ value, change, wrong, none, empty, common }) {
		const [text, set] = useState(value === null ||
			value === undefined || none && value === empty
			? "" : write(value));

		return html`<input ...${common} value=${text} class="short"
			autocomplete="off" spellcheck=${false}
			placeholder=${none || example()}
			onInput=${(e) => {
				const now = e.target.value;
				const v = now.trim() === "" ? empty : parse(now);

				set(now);
				change(v);
				if (Number.isNaN(v))
					wrong(t("form.like", { example: example() }));
			}} />`;
	};

const parse_number = (text) => /^\s*\d{1,15}\s*$/.test(text) ? Number(text)
	: NaN;

const kinds = {
	check: Check, choice: Choice, area: Area, lines: Lines,
	number: written(String, parse_number, () => "100"),
	size: written(write_size, parse_size, () => "1 G"),
	duration: written(write_duration, parse_duration, () => "30d"),
};

/* A new password, twice is not needed: it can be looked at. */
export function NewPassword({ form, name, label, hint, ...more }) {
	const [seen, see] = useState(false);

	return html`<div class="password-row">
		<${Field} form=${form} name=${name} label=${label} hint=${hint}
			type=${seen ? "text" : "password"}
			autocomplete="new-password" ...${more} />
		<button type="button" class="button small quiet"
			aria-pressed=${seen ? "true" : "false"}
			onClick=${() => see(!seen)}>${t(seen ? "ui.hide"
				: "ui.show")}</button>
	</div>`;
}

/* Twenty letters that nobody confuses: 100 bits. */
export function make_password() {
	const letters = "abcdefghijkmnpqrstuvwxyz23456789";
	const bytes = crypto.getRandomValues(new Uint8Array(20));

	return [...bytes].map((b) => letters[b % 32]).join("")
		.replace(/(.{5})(?=.)/g, "$1-");
}

