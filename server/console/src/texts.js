/* texts.js - the catalogue: every text of the console, in every language */
import { kept, store } from "./lib.js";
import { texts as shell } from "./texts_shell.js";
import { texts as people } from "./texts_people.js";
import { texts as work } from "./texts_work.js";
import { texts as cluster } from "./texts_cluster.js";
import { texts as settings } from "./texts_settings.js";

/*
 * A text is a row "key": [English, German].  {name} is replaced by a parameter,
 * {n|account|accounts} by the number n and the word that goes with it.  No text
 * is markup: all become text nodes.
 */
export const languages = { en: "English", de: "Deutsch" };
const order = Object.keys(languages);
export const texts = { ...shell, ...people, ...work, ...cluster, ...settings };

const wanted = () => {
	const choice = kept.get("language", "");

	if (choice in languages)
		return choice;
	for (const l of navigator.languages || [])
		if (l.slice(0, 2) in languages)
			return l.slice(0, 2);
	return "en";
};

export const language = store(wanted());
document.documentElement.lang = language.get();

export function choose_language(l) {
	kept.set("language", l);
	document.documentElement.lang = l;
	language.set(l);
}

/* The form of numbers and dates: the browser's own where it speaks the language
 * that was chosen. */
export function locale() {
	const l = language.get();

	return (navigator.languages || []).find((x) => x.slice(0, 2) === l) || l;
}

export function t(key, params = {}) {
	const row = texts[key];

	if (row === undefined)
		return key;
	return row[order.indexOf(language.get())].replace(
		/\{(\w+)(?:\|([^|{}]*)\|([^|{}]*))?\}/g, (all, name, one, many) => {
			const v = params[name] ?? "";

			if (one === undefined)
				return String(v);
			return new Intl.NumberFormat(locale()).format(v) + " " +
				(v === 1 ? one : many);
		});
}
/* "" when there is no such text. */
export const t_if = (key, params) => (key in texts ? t(key, params) : "");
