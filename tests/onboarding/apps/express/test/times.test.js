const assert = require("node:assert");
const test = require("node:test");
const { next } = require("../lib/times");

test("the next ferry leaves at the full hour", () => {
  assert.equal(next(new Date("2030-01-01T23:30:00Z")), "0:00");
});
