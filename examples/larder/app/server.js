import { createApp } from "./lib/app.js";
import { openStore } from "./lib/store.js";

const port = Number(process.env.PORT ?? 3000);
const store = await openStore(process.env.DATABASE_URL);
createApp(store).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}`));
