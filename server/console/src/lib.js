/* lib.js - what the other modules take from libraries, in one place */
import { Fragment, h, render } from "preact";
import { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef,
	useState } from "preact/hooks";
import htm from "htm";

export const html = htm.bind(h);
export { Fragment, render, useCallback, useEffect, useId, useLayoutEffect,
	useMemo, useRef, useState };

/*
 * A value that several components show: store.get(), store.set(value), and
 * store.use() in a component that is drawn again when it changes.
 */
export function store(value) {
	const watchers = new Set();

	return {
		get: () => value,
		set(next) {
			if (next === value)
				return;
			value = next;
			for (const w of [...watchers])
				w(next);
		},
		watch(w) {
			watchers.add(w);
			return () => watchers.delete(w);
		},
		use() {
			const [, draw] = useState(0);

			useLayoutEffect(() => {
				const seen = value;
				const w = () => draw((n) => n + 1);

				watchers.add(w);
				if (seen !== value)
					w();
				return () => watchers.delete(w);
			}, []);
			return value;
		},
	};
}

/* What the browser keeps for us between visits; it may refuse to. */
export const kept = {
	get(name, otherwise) {
		try {
			return localStorage.getItem("shoal." + name) ?? otherwise;
		} catch {
			return otherwise;
		}
	},
	set(name, value) {
		try {
			localStorage.setItem("shoal." + name, value);
		} catch {
			/* it is forgotten with the page */
		}
	},
};
