// What a page imports, by name, as an import map; the paths begin below this folder.
const below = new URL("./", import.meta.url).href;
const names = ["browser", "browser-utils", "conventions/attributes", "core", "core/browser", "feedback", "replay", "replay-canvas"];
const found = names.map((name) => [`@sentry/${name}`, import.meta.resolve(`@sentry/${name}`).replace(below, "/")]);
console.log(JSON.stringify({ imports: Object.fromEntries(found) }));
