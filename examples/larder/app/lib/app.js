// One short function a page.
import express from "express";

import * as views from "./views.js";

const MOST = 10_000;

/** The amount that somebody typed, or null if it is none. */
function amountIn(form) {
  const amount = Number(form?.amount);
  return Number.isInteger(amount) && amount > 0 && amount <= MOST ? amount : null;
}

/** What a delivery note has of each thing, or null if it is no such note. */
function noted(note) {
  const amounts = new Map();
  for (const line of Array.isArray(note?.lines) ? note.lines : []) {
    const what = String(line?.what ?? "").trim();
    const amount = amountIn(line);
    if (!what || amount === null) return null;
    amounts.set(what, amount);
  }
  return amounts.size ? amounts : null;
}

export function createApp(store) {
  const app = express();
  app.disable("x-powered-by");
  app.use(express.urlencoded({ extended: false, limit: "10kb" }));

  app.get("/health", (_, response) => response.type("text").send("ok"));

  app.get("/", async (_, response) => response.send(views.shelves(await store.things())));

  app.post("/deliveries", async (request, response) => {
    const what = String(request.body?.what ?? "").trim();
    const amount = amountIn(request.body);
    if (!what || amount === null) {
      const problem = "Say what came in, and how many as a whole number.";
      const given = request.body ?? {};
      return response.status(422).send(views.shelves(await store.things(), { problem, given }));
    }
    await store.takeIn(what, amount);
    response.redirect(303, "/");
  });

  app.param("id", async (request, response, next, id) => {
    request.thing = /^\d{1,9}$/.test(id) ? await store.thing(Number(id)) : undefined;
    return request.thing ? next() : response.status(404).send(views.missing());
  });

  const show = async (thing, more) => views.thing(thing, await store.movements(thing.id), more);

  app.get("/things/:id", async (request, response) => response.send(await show(request.thing)));

  app.post("/things/:id/handouts", async (request, response) => {
    const amount = amountIn(request.body);
    if (amount === null || amount > request.thing.remaining) {
      const problem = `Give out a whole number of at most ${request.thing.remaining}.`;
      return response.status(422).send(await show(request.thing, { problem }));
    }
    await store.giveOut(request.thing.id, amount);
    response.redirect(303, "/");
  });

  app.get("/api/things", async (_, response) => {
    const things = await store.things();
    response.json({ things: things.map(({ name, remaining }) => ({ name, remaining })) });
  });

  app.post("/api/deliveries", express.json({ limit: "10kb" }), async (request, response) => {
    const amounts = noted(request.body);
    if (!amounts) {
      const problem = "Every line says what came in, and how many as a whole number.";
      return response.status(422).json({ problem });
    }
    for (const [what, amount] of amounts) await store.takeIn(what, amount);
    response.status(201).json({ taken: Object.fromEntries(amounts) });
  });

  app.use((_, response) => response.status(404).send(views.missing()));
  return app;
}
