// Plain HTML. Whatever people have written goes through `text`.
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

const text = (value) => String(value).replace(/[&<>"']/g, (found) => ESCAPES[found]);

const page = (title, main) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)}</title>
<link rel="icon" href="data:,">
<style>body { font: 1.2rem sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .3rem }
input, button { font: inherit; padding: .3rem }</style>
</head>
<body>
<header><a href="/">Larder</a></header>
<main>${main}</main>
</body>
</html>`;

const complaint = (problem) => (problem ? `<p role="alert">${text(problem)}</p>` : "");

export const shelves = (things, { problem, given = {} } = {}) =>
  page(
    "Larder",
    `<h1>On the shelves</h1>
${complaint(problem)}
<table>
<caption>On the shelves</caption>
<thead><tr><th>Thing</th><th>Left</th></tr></thead>
<tbody>${things
      .map(
        ({ id, name, remaining }) =>
          `<tr><td><a href="/things/${id}">${text(name)}</a></td><td>${remaining}</td></tr>`,
      )
      .join("\n")}</tbody>
</table>
<h2>Something came in</h2>
<form method="post" action="/deliveries">
<p><label>What <input name="what" value="${text(given.what ?? "")}" required></label></p>
<p><label>How many <input name="amount" value="${text(given.amount ?? "")}" inputmode="numeric"
  required></label></p>
<p><button>Take in</button></p>
</form>`,
  );

export const thing = ({ id, name, remaining }, movements, { problem } = {}) =>
  page(
    `${name} - Larder`,
    `<h1>${text(name)}</h1>
<p role="status">${remaining} left</p>
${complaint(problem)}
<form method="post" action="/things/${id}/handouts">
<p><label>How many <input name="amount" inputmode="numeric" required></label></p>
<p><button>Give out</button></p>
</form>
<table>
<caption>In and out</caption>
<thead><tr><th>Day</th><th>In</th><th>Out</th></tr></thead>
<tbody>${movements
      .map(
        ({ way, amount, at }) =>
          `<tr><td>${at.toISOString().slice(0, 10)}</td>` +
          `<td>${way === "in" ? amount : ""}</td><td>${way === "out" ? amount : ""}</td></tr>`,
      )
      .join("\n")}</tbody>
</table>`,
  );

export const missing = () => page("Not here - Larder", "<h1>There is no such page</h1>");
