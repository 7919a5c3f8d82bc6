const express = require("express");
const { next } = require("./lib/times");

const app = express();
app.get("/", (request, response) => response.send(`Next ferry: ${next(new Date())}`));
app.get("/healthz", (request, response) => response.send("ok"));
app.post("/reports", (request, response) => response.status(201).send("thank you"));
app.listen(process.env.PORT || 3000);
