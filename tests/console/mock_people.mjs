// mock_people.mjs - sessions, one's own things, administrators
import { ago } from "./mock_data.mjs";
import { on, one, drop, need, fresh } from "./mock_on.mjs";

const AREAS = [
	"domains",
	"accounts",
	"queue",
	"trace",
	"nodes",
	"settings",
	"audit",
	"admins",
];
const ROLE_AREAS = {
	system: ["me:write", ...AREAS.map((a) => `${a}:write`)],
	readonly: [
		"me:write",
		...AREAS.filter((a) => a !== "admins").map((a) => `${a}:read`),
	],
	domain: [
		"me:write",
		"accounts:write",
		"domains:read",
		"queue:read",
		"trace:read",
		"audit:read",
	],
	user: ["me:write"],
};

// --- session, invites ---
function begin(x, who) {
	const id = x.d.random.hex(32);
	const s = {
		address: null,
		totp: false,
		csrf: x.d.random.hex(32),
		expires: ago(-28800),
		node: "n1",
		version: "0.5.0",
		...who,
	};
	s.areas = ROLE_AREAS[s.role].flatMap((a) =>
		a.endsWith(":write") ? [a.replace(":write", ":read"), a] : [a]
	);
	x.m.sessions.set(id, s);
	x.headers["set-cookie"] =
		`__Host-shoal=${id}; Path=/; Secure; HttpOnly; SameSite=Strict`;
	x.status = 201;
	return s;
}
on(
	"POST /session",
	(x, b) => {
		const [login, totp] = b.login.split("+");
		const a = x.d.admins.find((y) => y.login === login);
		const u = x.d.accounts.find((y) => y.address === login);
		if ((!a && !u) || b.password !== "password")
			throw new x.Problem(401, "denied", "login or password is wrong");
		if (totp && !b.totp) throw new x.Problem(401, "totp_required");
		if (totp && b.totp !== "123456") throw new x.Problem(401, "totp_wrong");
		return begin(
			x,
			a
				? {
						login,
						name: a.name,
						role: a.role,
						domain: a.domain,
						totp: a.totp,
						address: login === "eve" ? "alice@example.org" : null,
					}
				: {
						login,
						name: u.name,
						role: "user",
						domain: u.domain,
						address: u.address,
					}
		);
	},
	{ area: "open" }
);
on("GET /session", (x) => x.who, { area: "me" });
on(
	"DELETE /session",
	(x) => {
		x.m.sessions.forEach((v, k, all) => {
			if (v === x.who) all.delete(k);
		});
	},
	{ area: "me" }
);
on(
	"POST /session/end-all",
	(x) => {
		x.m.sessions.forEach((v, k, all) => {
			if (v.login === x.who.login) all.delete(k);
		});
	},
	{ area: "me" }
);
const first = {
	role: "system",
	domain: null,
	login: null,
	expires: ago(-3600),
};
on(
	"POST /invites/check",
	(x, b) => {
		if (b.code === "used")
			throw new x.Problem(
				404,
				"not_found",
				"the invitation is used or over"
			);
		x.status = 200;
		return first;
	},
	{ area: "open" }
);
on(
	"POST /invites/accept",
	(x, b) => {
		need(
			x,
			b,
			"password",
			b.password.length >= 10,
			"a password has at least 10 characters"
		);
		x.d.admins.push({
			login: b.login,
			name: b.name,
			...first,
			created: ago(0),
			totp: false,
		});
		return begin(x, {
			login: b.login,
			name: b.name,
			role: "system",
			domain: null,
		});
	},
	{ area: "open" }
);

// --- me ---
const me = { area: "me" };
on(
	"GET /me",
	(x) => {
		const u = x.d.accounts.find((y) => y.address === x.who.address);
		return {
			login: x.who.login,
			name: x.who.name,
			role: x.who.role,
			domain: x.who.domain,
			totp: x.who.totp,
			account: u
				? {
						address: u.address,
						quota_bytes: u.quota_bytes,
						quota_messages: 0,
						used_bytes: u.used_bytes,
						messages: u.messages,
						last_login: {
							at: ago(700),
							protocol: "imap",
							ip: "203.0.113.9",
						},
					}
				: null,
		};
	},
	me
);
const own_password = (x, field, password) => {
	if (password !== "password")
		throw new x.Problem(
			403,
			"denied",
			"the password is wrong",
			`/${field}`
		);
};
// the other sessions end, this one has another cookie
function again(x) {
	x.m.sessions.forEach((v, k, all) => {
		if (v.login === x.who.login) all.delete(k);
	});
	x.who = begin(x, { ...x.who, csrf: x.d.random.hex(32) });
	x.status = 204;
}
on(
	"PUT /me/password",
	(x, b) => {
		own_password(x, "current", b.current);
		need(
			x,
			b,
			"new",
			b.new.length >= 10,
			"a password has at least 10 characters"
		);
		again(x);
	},
	me
);
on("GET /me/app-passwords", (x) => x.d.appPasswords, { ...me, list: true });
on(
	"POST /me/app-passwords",
	(x, b) => {
		const p = {
			id: fresh(),
			label: b.label,
			created: ago(0),
			expires: b.expires ?? null,
		};
		x.d.appPasswords.push(p);
		return { ...p, password: "abcd-efgh-ijkl-mnop" };
	},
	me
);
on(
	"DELETE /me/app-passwords/{id}",
	(x) => {
		drop(
			x.d.appPasswords,
			one(x, x.d.appPasswords, (p) => p.id === x.args[0])
		);
	},
	me
);
on("GET /me/forwarding", (x) => x.d.forwarding, {
	...me,
	tag: () => "forwarding",
});
on(
	"PUT /me/forwarding",
	(x, b) => {
		need(
			x,
			b,
			"targets",
			b.targets.every((t) => t.includes("@")),
			"not an address"
		);
		return Object.assign(x.d.forwarding, b);
	},
	{ ...me, match: true, tag: () => "forwarding" }
);
on(
	"POST /me/totp",
	(x) => {
		x.status = 200;
		return {
			secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
			uri:
				"otpauth://totp/Shoal:" +
				`${x.who.login}?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Shoal`,
			pending: "signed",
		};
	},
	me
);
on(
	"PUT /me/totp",
	(x, b) => {
		own_password(x, "password", b.password);
		need(x, b, "code", b.code === "123456", "that is not the code of now");
		x.who.totp = true;
		again(x);
	},
	me
);
on(
	"DELETE /me/totp",
	(x, b) => {
		own_password(x, "password", b.password);
		x.who.totp = false;
		again(x);
	},
	me
);
on("GET /me/folders", (x) => x.d.folders, { ...me, list: true });
on("GET /me/tokens", (x) => x.d.tokens, { ...me, list: true });
on(
	"POST /me/tokens",
	(x, b) => {
		const t = {
			id: fresh(),
			owner: x.who.login,
			label: b.label,
			scopes: b.scopes,
			created: ago(0),
			expires: b.expires ?? null,
		};
		x.d.tokens.push(t);
		return { ...t, token: `shoal_${"0123456789abcdef".repeat(3)}` };
	},
	me
);
on(
	"DELETE /me/tokens/{id}",
	(x) => {
		drop(
			x.d.tokens,
			one(x, x.d.tokens, (t) => t.id === x.args[0])
		);
	},
	me
);

// --- administrators ---
const admin = (x) => one(x, x.d.admins, (a) => a.login === x.args[0]);
// invitations go with who made them
const withdraw = (x) => {
	x.d.invites = x.d.invites.filter((i) => i.by !== x.args[0]);
};
const adminTag = { match: true, tag: ([login]) => `/admins/${login}` };
on("GET /admins", (x) => x.d.admins, { list: true });
on("GET /admins/{login}", admin, { tag: adminTag.tag });
on(
	"PATCH /admins/{login}",
	(x, b) => {
		need(
			x,
			b,
			"role",
			!(x.args[0] === "eve" && b.role && b.role !== "system"),
			"the last system administrator stays one"
		);
		if (b.role && b.role !== admin(x).role) withdraw(x);
		return Object.assign(admin(x), b);
	},
	adminTag
);
on(
	"DELETE /admins/{login}",
	(x) => {
		withdraw(x);
		drop(x.d.admins, admin(x));
	},
	adminTag
);
on(
	"POST /admins/{login}/sign-out",
	(x) => {
		admin(x);
	},
	adminTag
);
on(
	"DELETE /admins/{login}/totp",
	(x) => {
		admin(x).totp = false;
	},
	adminTag
);
on(
	"GET /admins/{login}/tokens",
	(x) => (admin(x).login === "eve" ? x.d.tokens : []),
	{ list: true }
);
on(
	"DELETE /admins/{login}/tokens/{id}",
	(x) => {
		drop(
			x.d.tokens,
			one(x, x.d.tokens, (t) => t.id === x.args[1])
		);
	},
	{ match: true }
);
on("GET /invites", (x) => x.d.invites, { list: true, area: "admins" });
on(
	"POST /invites",
	(x, b) => {
		need(
			x,
			b,
			"login",
			!x.d.admins.some((a) => a.login === b.login),
			"there is an administrator of this name"
		);
		const i = {
			id: fresh(),
			login: b.login ?? null,
			role: b.role,
			domain: b.domain ?? null,
			by: x.who.login,
			created: ago(0),
			expires: ago(-(b.expires_in ?? 259200)),
		};
		x.d.invites.push(i);
		return {
			...i,
			code: "6Q7PWXGKTFQ5",
			url: "https://mail.example.org/console/#/invite/6Q7PWXGKTFQ5",
		};
	},
	{ area: "admins" }
);
on(
	"DELETE /invites/{id}",
	(x) => {
		drop(
			x.d.invites,
			one(x, x.d.invites, (i) => i.id === x.args[0])
		);
	},
	{ area: "admins", match: true }
);
