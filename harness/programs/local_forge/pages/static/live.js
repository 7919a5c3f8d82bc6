// Follows what happens: after each write at the forge the script fetches the page again and replaces only
// what differs. Scroll, focus, what is half written and what somebody opened stay as they are.
import { adopt } from "./adopt.js";

const MOST_SAID = 3;

export function follow() {
  const live = () => [...document.querySelectorAll("[data-live][id]")];
  if (!live().length || !window.EventSource) return;
  let source = null;
  let asking = false;
  let again = false;

  const look = async () => {
    if (asking) { again = true; return; }
    asking = true;
    do {
      again = false;
      const page = await fetched();
      if (page) show(page);
    } while (again);
    asking = false;
  };
  const fetched = async () => {
    const seen = document.querySelector("[data-version]")?.dataset.version ?? "";  // what is large need not come again
    const asked = { cache: "no-store", headers: { "X-Seen": seen } };
    const answer = await fetch(location.pathname + location.search, asked).catch(() => null);
    return answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  };
  const show = (page) => {
    const news = [];
    for (const here of live()) {
      const there = page.getElementById(here.id);
      if (there) adopt(here, there, (one) => news.push(one));
    }
    document.title = page.title;
    tell(news);
  };
  // A browser keeps six connections to one server: pages that nobody looks at let theirs go.
  const listen = () => {
    source?.close();
    source = null;
    if (document.hidden) return;
    source = new EventSource("/-/live");
    source.addEventListener("open", look);
    source.addEventListener("written", look);
  };
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && listen());
  listen();
}

// For who listens instead of looking: what came, in words, and not all of a flood.
function tell(news) {
  const place = document.getElementById("news");
  const said = [...new Set(news)];
  if (!place || !said.length) return;
  const rest = said.length - MOST_SAID;
  place.textContent = said.slice(0, MOST_SAID).join(". ") + (rest > 0 ? `. And ${rest} more.` : ".");
}
