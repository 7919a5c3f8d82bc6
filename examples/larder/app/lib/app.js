// One short function a page.
import express from "express";

import * as views from "./views.js";

const MOST = 10_000;

/** The amount that somebody typed, or null if it is none. */
function amountIn(form) {
  const amount = Number(form?.amount);
  return Number.isInteger(amount) && amount > 0 && amount <= MOST ? amount : null;
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

  app.use((_, response) => response.status(404).send(views.missing()));
  return app;
}
