// mock_on.mjs - the table of the mock's routes, and what they share

export const routes = [];

// Options: area (the path's first word), list, match, tag(args).
export function on(how, run, options = {}) {
	const [method, path] = how.split(" ");
	routes.push({ method, path, run, ...options });
}

export const hit = (text, ...values) =>
	values.some((v) =>
		String(v ?? "")
			.toLowerCase()
			.includes(text.toLowerCase())
	);
export const one = (x, list, test) => {
	const o = list.find(test);
	if (!o) throw new x.Problem(404, "not_found", "there is no such thing");
	return o;
};
export const drop = (list, o) => {
	list.splice(list.indexOf(o), 1);
};
export const domainOf = (address) =>
	address.slice(address.lastIndexOf("@") + 1);
export const mine = (x, domain) => !x.who.domain || x.who.domain === domain;
export const need = (x, b, name, ok, detail) => {
	if (!ok) throw new x.Problem(422, "bad_field", detail, `/${name}`);
};
let serial = 1000;
export const fresh = () => (++serial).toString(16).padStart(8, "0");
