/* boot.js - before anything is drawn: the colours that were chosen */
try {
	const theme = localStorage.getItem("shoal.theme");

	if (theme === "light" || theme === "dark")
		document.documentElement.dataset.theme = theme;
} catch {
	/* the system's */
}
