/* dialog.js - what is asked before going on */
import { said } from "./api.js";
import { html, store, useEffect, useId, useRef, useState } from "./lib.js";
import { t } from "./texts.js";
import { Note, raise } from "./ui.js";

/*
 * <${Dialog} title=... onClose=${() => ...}>...<//>
 * is open as long as it is there.  Escape and the cross close it; `stays` does
 * not let them, `busy` not now.
 */
export function Dialog({ title, onClose, children, wide, stays, busy }) {
	const box = useRef();
	const id = useId();
	const leave = () => !stays && !busy && onClose();

	useEffect(() => {
		const before = document.activeElement;

		box.current.showModal();
		raise();
		return () => before?.isConnected && before.focus?.();
	}, []);
	return html`<dialog ref=${box} class=${wide ? "wide" : ""}
		aria-labelledby=${id} onCancel=${(e) => {
			e.preventDefault();
			leave();
		}} onClose=${(e) => {
			/* a second Escape is not asked about */
			if (e.target !== box.current)
				return;
			if (stays || busy) {
				box.current.showModal();
				raise();
			} else
				onClose();
		}}>
		<header class="dialog-head"><h2 id=${id}>${title}</h2>
			${!stays && html`<button type="button" class="cross"
				aria-label=${t("ui.close")} onClick=${leave}
				>✕</button>`}</header>
		<div class="dialog-body">${children}</div>
	</dialog>`;
}

/* At the foot of what there is only to read, or to copy. */
export const Done = ({ onClose, ...more }) => html`<div class="dialog-foot">
	<button type="button" class="button primary" ...${more}
		onClick=${onClose}>${t("ui.done")}</button></div>`;

/*
 * if (await confirm({ title, text, action, danger, typed, run })) ...
 *
 * typed: what has to be typed before the button works.  run: what is done while
 * the dialog is open; its failure is shown there, and it stays open.
 */
const asked = store(null);

export const confirm = (question) => new Promise((done) => {
	asked.get()?.done(false);
	asked.set({ ...question, done });
});

export const Confirms = () => {
	const q = asked.use();

	return q && html`<${Confirm} key=${q} q=${q} />`;
};

function Confirm({ q }) {
	const [typed, type] = useState("");
	const [busy, set] = useState(false);
	const [error, fail] = useState(null);
	const id = useId();

	const close = (answer) => {
		if (busy)
			return;
		if (asked.get() === q)
			asked.set(null);
		q.done(answer);
	};
	const run = async (e) => {
		e.preventDefault();
		if (busy)
			return;
		set(true);
		fail(null);
		try {
			await q.run?.();
			close(true);
		} catch (problem) {
			fail(problem);
			set(false);
		}
	};

	return html`<${Dialog} title=${q.title} busy=${busy}
		onClose=${() => close(false)}>
		<form onSubmit=${run}>
			${[].concat(q.text || []).map((x) => html`<p>${x}</p>`)}
			${q.typed && html`<div class="field">
				<label for=${id}>${t("confirm.type",
					{ what: q.typed })}</label>
				<input id=${id} value=${typed} autofocus
					autocomplete="off"
					autocapitalize="none" spellcheck=${false}
					onInput=${(e) => type(e.target.value)} />
			</div>`}
			${error && html`<${Note} kind="bad">${said(error)}<//>`}
			<div class="dialog-foot">
				<button type="button" class="button"
					onClick=${() => close(false)}
					autofocus=${!!q.danger && !q.typed}
					>${t("ui.cancel")}</button>
				<button type="submit" autofocus=${!q.danger}
					aria-busy=${busy ? "true"
					: undefined} class=${"button " +
					(q.danger ? "danger" : "primary")}
					disabled=${q.typed && typed.trim() !==
						q.typed}>${q.action}</button>
			</div>
		</form><//>`;
}
