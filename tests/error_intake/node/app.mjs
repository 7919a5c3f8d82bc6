// An app that fails: fifty times in a small event, and once in one that the SDK packs.
import * as Sentry from "@sentry/node";

const [dsn, release] = process.argv.slice(2);
Sentry.init({ dsn, release, environment: "production" });

function total(cart) {
  return cart.lines.length;
}

for (let number = 0; number < 50; number++) {
  try {
    total({});
  } catch (error) {
    Sentry.captureException(error);
  }
}
await Sentry.flush(20000);
try {
  JSON.parse("no JSON");
} catch (error) {
  const more = Object.fromEntries(Array.from({ length: 900 }, (_, n) => [`key-${n}`, "x".repeat(200)]));
  Sentry.captureException(error, { contexts: { more } });
}
Sentry.captureMessage("all is well");
await Sentry.flush(20000);
