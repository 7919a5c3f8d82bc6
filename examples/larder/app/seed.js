import { openStore } from "./lib/store.js";

const store = await openStore(process.env.DATABASE_URL);
await store.takeIn("Lentils", 24);
await store.takeIn("Tinned tomatoes", 60);
await store.giveOut((await store.things())[0].id, 4);
await store.close();
