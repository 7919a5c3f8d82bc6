import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";

const TOOL = fileURLToPath(new URL("../ferry.js", import.meta.url));
let folder;

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "ferry-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const ferry = (...words) =>
  spawnSync(process.execPath, [TOOL, ...words], { cwd: folder, encoding: "utf8" });

test("who is booked is on the list", () => {
  assert.equal(ferry("book", "08:15", "Ada Holt", "--cars", "2").stdout, "Booked: 08:15  Ada Holt\n");
  assert.equal(ferry("list").stdout, "08:15  Ada Holt  2 cars  0 dogs\n");
});

test("the list is in the order of the crossings", () => {
  ferry("book", "17:40", "Ben", "--dogs", "1");
  ferry("book", "08:15", "Ada");
  assert.equal(ferry("list").stdout, "08:15  Ada  0 cars  0 dogs\n17:40  Ben  0 cars  1 dogs\n");
  assert.equal(ferry("list", "--at", "17:40").stdout, "17:40  Ben  0 cars  1 dogs\n");
});

test("who has cancelled is no longer on the list", () => {
  ferry("book", "08:15", "Ada");
  assert.equal(ferry("cancel", "08:15", "Ada").status, 0);
  assert.equal(ferry("list").stdout, "Nobody crosses.\n");
  assert.match(ferry("cancel", "08:15", "Ada").stderr, /nobody named Ada crosses at 08:15/);
});

test("more cars than the ferry has room for are refused, and nothing is kept", () => {
  const refused = ferry("book", "08:15", "Ada", "--cars", "13");
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /at most 12/);
  assert.equal(ferry("list").stdout, "Nobody crosses.\n");
});

test("a name with a comma stays one cell", () => {
  ferry("book", "08:15", "Holt, Ada");
  assert.equal(ferry("export", "day.csv").stdout, "Exported 1 bookings to day.csv\n");
  const exported = readFileSync(join(folder, "day.csv"), "utf8");
  assert.equal(exported, 'Time,Name,Cars,Dogs\n08:15,"Holt, Ada",0,0\n');
});

test("a command that is not there is said not to be", () => {
  assert.equal(ferry("sail").status, 2);
  assert.match(ferry("--help").stdout, /ferry book TIME NAME/);
});
