/* dialog.js - what is asked before going on */
import { Problem } from "./api.js";
import { html, store, useEffect, useId, useRef, useState } from "./lib.js";
import { t } from "./texts.js";
import { Note } from "./ui.js";

/*
 * <${Dialog} title=... onClose=${() => ...}>...<//>
 * is open as long as it is there.  Escape and the cross close it; `stays` does
 * not let them.
 */
export function Dialog({ title, onClose, children, wide, stays }) {
	const box = useRef();
	const id = useId();

	useEffect(() => {
		const before = document.activeElement;

		box.current.showModal();
		return () => before?.isConnected && before.focus?.();
	}, []);
	return html`<dialog ref=${box} class=${wide ? "wide" : ""}
		aria-labelledby=${id} onCancel=${(e) => {
			e.preventDefault();
			if (!stays)
				onClose();
		}}>
		<header class="dialog-head"><h2 id=${id}>${title}</h2>
			${!stays && html`<button type="button" class="cross"
				aria-label=${t("ui.close")} onClick=${onClose}
				>✕</button>`}</header>
		<div class="dialog-body">${children}</div>
	</dialog>`;
}

/*
 * if (await confirm({ title, text, action, danger, typed, run })) ...
 *
 * typed: what has to be typed before the button works.  run: what is done while
 * the dialog is open; its failure is shown there, and it stays open.
 */
const asked = store(null);

export const confirm = (question) => new Promise((done) =>
	asked.set({ ...question, done }));

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

	return html`<${Dialog} title=${q.title} onClose=${() => close(false)}>
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
			${error && html`<${Note} kind="bad">${error instanceof
				Problem ? error.text() : String(error)}<//>`}
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
