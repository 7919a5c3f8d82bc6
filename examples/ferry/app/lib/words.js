// What was typed behind the name of the tool: words, and options by their names.

/** `["book", "--cars", "2"]` is `{words: ["book"], options: {cars: "2"}}`. */
export function read(given) {
  const words = [];
  const options = {};
  for (let i = 0; i < given.length; i++) {
    if (given[i].startsWith("--")) {
      options[given[i].slice(2)] = given[++i] ?? "";
    } else {
      words.push(given[i]);
    }
  }
  return { words, options };
}
