/* qr.js - a text as a picture that a telephone reads (lean-qr) */
import { generate } from "lean-qr";
import { html } from "./lib.js";

/* Dark modules on white whatever the page's colours are: readers want it so. */
export function Qr({ text, label }) {
	const code = generate(text);
	let path = "";

	for (let y = 0; y < code.size; y++)
		for (let x = 0; x < code.size; x++)
			if (code.get(x, y))
				path += "M" + x + " " + y + "h1v1h-1z";
	return html`<svg class="qr" role="img" aria-label=${label}
		viewBox=${"-4 -4 " + (code.size + 8) + " " + (code.size + 8)}
		shape-rendering="crispEdges"><path d=${path} /></svg>`;
}
