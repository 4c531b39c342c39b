/* data.js - what the server has, for components */
import { get } from "./api.js";
import { useCallback, useEffect, useRef, useState } from "./lib.js";

/* Of a list's answer, if nothing is said; and at most. */
const LIMIT = 100, LIMIT_MAX = 1000;

/*
 * const { data, tag, error, busy, reload, set } = useGet("/me", query, ms)
 *
 * Asks again when path or query change (what was there stays until the answer
 * is here), every `ms` while the page is looked at, and on reload().  A path of
 * null asks for nothing.  set(data, tag): what a change answered.
 */
export function useGet(where, query, every) {
	const key = where === null ? null : where + JSON.stringify(query || {});
	const [state, change] = useState({ key: undefined });
	const [again, reload] = useState(0);
	const last = useRef();
	const sets = useRef(0);

	last.current = state;
	useEffect(() => {
		const stop = new AbortController();
		let timer;

		if (where === null)
			return undefined;
		const failed = (error) => !stop.signal.aborted &&
			change((s) => s.key === key ? { ...s, error }
				: { key, error });
		const look = async () => {
			const before = sets.current;

			try {
				const r = await get(where, query, stop.signal, failed);

				/* What was set meanwhile is newer. */
				if (!stop.signal.aborted)
					change((s) => s.key === key && before !==
						sets.current ? { ...s, error: undefined }
						: { key, data: r.data, tag: r.tag });
			} catch (error) {
				failed(error);
			}
			if (every && !stop.signal.aborted)
				timer = setTimeout(tick, every);
		};
		const tick = () => document.hidden
			? timer = setTimeout(tick, 1000) : look();

		look();
		return () => {
			stop.abort();
			clearTimeout(timer);
		};
	}, [key, again, every]);
	return {
		data: state.data, error: state.error,
		/* That of now, for whoever holds this since before. */
		get tag() {
			return last.current.tag;
		},
		busy: key !== null && state.key !== key,
		reload: useCallback(() => reload((n) => n + 1), []),
		set: useCallback((data, tag) => {
			sets.current++;
			change((s) => ({ ...s, data, tag: tag ?? s.tag }));
		}, []),
	};
}

/*
 * const list = useList("/accounts", { search }, { usage: true }, ms)
 *
 * list.items; list.next is not null when list.more() would bring more.  later: a
 * query that says more about the same items and takes longer; they are shown
 * before it is answered.  ms: how often what is shown is looked at again while the
 * page is; list.refresh() does so once.  Neither goes together with `later`.
 */
export function useList(where, query, later, every) {
	const key = where === null ? null : where + JSON.stringify(query || {});
	const [state, change] = useState({ items: [], next: null });
	const [again, reload] = useState(0);
	const asking = useRef(null), looking = useRef(null);
	const now = useRef(state);

	now.current = state;
	const load = async (cursor) => {
		const stop = new AbortController();
		const earlier = asking.current;

		/* What is asked about earlier items goes on while more come,
		 * but not a look at what was shown before them. */
		if (cursor === undefined || earlier === looking.current)
			earlier?.abort();
		else
			stop.signal.addEventListener("abort", () =>
				earlier?.abort(), { once: true });
		asking.current = stop;
		const late = (error) => !stop.signal.aborted &&
			change((s) => ({ ...s, error }));

		change((s) => ({ ...s, busy: true, error: undefined }));
		try {
			const { data } = await get(where, { ...query, cursor },
				stop.signal, late);

			if (stop.signal.aborted)
				return;
			change((s) => ({ key, busy: false,
				next: data.next ?? null,
				items: cursor === undefined ? data.items
					: s.items.concat(data.items) }));
			if (later && data.items.length > 0)
				await more_about(cursor, stop);
		} catch (error) {
			if (!stop.signal.aborted)
				change((s) => ({ ...s, busy: false, error }));
		}
	};
	const more_about = async (cursor, stop) => {
		const { data } = await get(where, { ...query, ...later, cursor },
			stop.signal);
		const said = new Map(data.items.map((x) => [x.id, x]));

		if (!stop.signal.aborted)
			change((s) => ({ ...s, items: s.items.map((x) =>
				said.get(x.id) || x) }));
	};

	/* As much as is shown, in its place. */
	const refresh = async () => {
		const s = now.current;
		const stop = new AbortController();

		if (s.key !== key || s.busy || s.items.length > LIMIT_MAX)
			return;
		asking.current?.abort();
		asking.current = looking.current = stop;
		try {
			const { data } = await get(where, { ...query, limit:
				Math.max(s.items.length, query?.limit ?? LIMIT) },
				stop.signal);

			if (!stop.signal.aborted)
				change((x) => ({ ...x, error: undefined,
					next: data.next ?? null, items: data.items }));
		} catch (error) {
			if (!stop.signal.aborted)
				change((x) => ({ ...x, error }));
		}
	};

	useEffect(() => {
		let timer;
		const tick = async () => {
			if (!document.hidden)
				await refresh();
			if (timer !== null)
				timer = setTimeout(tick, every);
		};

		if (where !== null)
			load();
		if (where !== null && every)
			timer = setTimeout(tick, every);
		return () => {
			clearTimeout(timer);
			timer = null;
			asking.current?.abort();
		};
	}, [key, again, every]);
	return {
		...state, loaded: state.key !== undefined, refresh,
		reload: useCallback(() => reload((n) => n + 1), []),
		more: () => state.next !== null && !state.busy &&
			load(state.next),
		/* What a change answered; null takes the row away. */
		replace: (same, row) => change((s) => ({ ...s,
			items: s.items.flatMap((x) => same(x)
				? row === null ? [] : [row] : [x]) })),
	};
}
