// Keeps what is shown up to date. Without it a reload does the same.
"use strict";
(() => {
  const shown = document.querySelector("[data-live]");
  if (!shown) return;
  let before = shown.innerHTML;
  const opened = (root) => [...root.querySelectorAll("details")];
  const busy = () => document.hidden || shown.contains(document.activeElement) || !getSelection().isCollapsed;

  const refresh = async () => {
    if (busy()) return;
    const answer = await fetch(location.href, { cache: "no-cache" }).catch(() => null);
    if (!answer || !answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("[data-live]");
    if (!next || next.innerHTML === before || busy()) return;
    before = next.innerHTML;
    const states = new Map(opened(shown).map((one, place) => [place, one.open]));
    opened(next).forEach((one, place) => { if (states.has(place)) one.open = states.get(place); });
    shown.replaceChildren(...next.childNodes);
  };
  setInterval(refresh, 3000);
})();
