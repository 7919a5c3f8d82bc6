import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { createApp } from "../lib/app.js";
import { openStore } from "../lib/store.js";

let store, server, address;

before(async () => {
  store = await openStore(process.env.DATABASE_URL);
  server = createApp(store).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  address = `http://127.0.0.1:${server.address().port}`;
});

after(async () => {
  server.close();
  await store.close();
});

beforeEach(() => store.empty());

const get = async (path) => (await fetch(address + path)).text();

const post = (path, form) =>
  fetch(address + path, { method: "POST", body: new URLSearchParams(form), redirect: "manual" });

const left = async (name) =>
  new RegExp(`>${name}</a></td><td>(-?\\d+)<`).exec(await get("/"))?.[1];

const rice = async () => (await store.things()).find(({ name }) => name === "Rice").id;

test("what came in is on the list", async () => {
  const answer = await post("/deliveries", { what: " Rice ", amount: "10" });
  assert.equal(answer.status, 303);
  assert.equal(await left("Rice"), "10");
});

test("what comes in again is added to the same line", async () => {
  await post("/deliveries", { what: "Rice", amount: "10" });
  await post("/deliveries", { what: "Rice", amount: "5" });
  assert.equal(await left("Rice"), "15");
});

test("what went out is no longer on the list", async () => {
  await post("/deliveries", { what: "Rice", amount: "10" });
  await post(`/things/${await rice()}/handouts`, { amount: "4" });
  assert.equal(await left("Rice"), "6");
});

test("nobody gives out more than there is", async () => {
  await post("/deliveries", { what: "Rice", amount: "10" });
  const answer = await post(`/things/${await rice()}/handouts`, { amount: "11" });
  assert.equal(answer.status, 422);
  assert.match(await answer.text(), /at most 10/);
  assert.equal(await left("Rice"), "10");
});

test("an amount that is no number is not taken in, and what was typed stays", async () => {
  const answer = await post("/deliveries", { what: "Rice", amount: "a few" });
  assert.equal(answer.status, 422);
  assert.match(await answer.text(), /value="a few"/);
  assert.equal(await left("Rice"), undefined);
});

test("a thing's page lists what came in and what went out", async () => {
  await post("/deliveries", { what: "Rice", amount: "10" });
  await post(`/things/${await rice()}/handouts`, { amount: "4" });
  assert.match(await get(`/things/${await rice()}`), /<td>10<\/td><td><\/td>[^]*<td><\/td><td>4</);
});

test("markup in a name is shown as it was typed", async () => {
  await post("/deliveries", { what: "<b>Rice</b>", amount: "1" });
  assert.match(await get("/"), /&lt;b&gt;Rice/);
});

test("a page that is not there is said not to be", async () => {
  assert.equal((await fetch(`${address}/things/4711`)).status, 404);
});

const deliver = (note) =>
  fetch(`${address}/api/deliveries`, {
    method: "POST",
    body: JSON.stringify(note),
    headers: { "Content-Type": "application/json" },
  });

const shelves = async () => (await (await fetch(`${address}/api/things`)).json()).things;

test("a delivery note that a till sends is taken in", async () => {
  const lines = [{ what: "Rice", amount: 10 }, { what: "Beans", amount: 4 }];
  const answer = await deliver({ lines });
  assert.equal(answer.status, 201);
  assert.deepEqual(await answer.json(), { taken: { Rice: 10, Beans: 4 } });
  const left = (await shelves()).map(({ name, remaining }) => [name, remaining]);
  assert.deepEqual(left, [["Beans", 4], ["Rice", 10]]);
});

test("a delivery note with a line that is none is refused whole", async () => {
  const answer = await deliver({ lines: [{ what: "Rice", amount: 10 }, { what: "Beans" }] });
  assert.equal(answer.status, 422);
  assert.deepEqual(await shelves(), []);
});
