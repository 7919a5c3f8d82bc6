"""What a page does by itself: what an act set off in it, and whether it stood still while it was
looked at.

These properties hold:
- The page is asked in an isolated world that is ours alone. It can neither see what is asked there
  nor alter the answer.
- What an act had queued in the page has run when `turned` returns, and a navigation that it began
  is known as `leaving`.
- A timer is known by its number: the numbers of one document count up, in every world. What a
  number does not tell is when that timer is due, so whoever waits for it waits for all that are due
  within a bound."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import CDPSession

WORLD = "motion"
_GONE = (
    "context was destroyed",
    "find context",
    "navigated or closed",
    "No frame",
    "Frame with the given",
)

# Whether anything that can be seen changed between `begin` and `end`. What moves without showing
# anything else (a bar
# that grows, a wheel that turns) is no change: a page that always moves can be looked at, too.
_WATCH = r"""(({begin, deep}) => {
  const telling = /^(aria-.*|role|href|src|value|checked|selected|disabled|hidden|open|inert|alt|title|label|for|id|name|type|
    |placeholder|readonly|required|contenteditable|datetime|download|level|tabindex)$/;
  const roots = from => [from, ...[...from.querySelectorAll('*')].flatMap(e => e.shadowRoot ? roots(e.shadowRoot) : [])];
  const seen = e => e.checkVisibility({visibilityProperty: true});
  const shown = () => !deep ? '' : JSON.stringify(roots(document).map(root => {
    const all = [...root.querySelectorAll('*')];
    const fields = all.filter(e => /^(INPUT|SELECT|TEXTAREA)$/.test(e.tagName));
    const text = root === document ? document.body && document.body.innerText : [...root.children].map(e => e.innerText);
    return [text, all.filter(seen).length, fields.map(e => [e.value, e.checked, e.selectedIndex, e.disabled])];
  }).concat(location.href));
  const noted = records => {
    const plain = records.every(one => one.type === 'attributes' && !telling.test(one.attributeName));
    own.changed ||= records.length > 0 && (!plain || shown() !== own.shown);
  };
  const own = globalThis.watched ||= {};
  if (!begin) {
    if (!own.observer) return false;
    noted(own.observer.takeRecords());
    own.observer.disconnect();
    own.observer = null;
    return !own.changed && shown() === own.shown;
  }
  if (own.observer) own.observer.disconnect();
  own.changed = false;
  own.shown = shown();
  own.observer = new MutationObserver(noted);
  const what = {subtree: true, childList: true, characterData: true, attributes: true};
  for (const root of roots(document)) own.observer.observe(root, what);
  return true;
})""".replace("|\n    |", "|")

# A page gives the focus to what asks for it with its first frame.
_DRAWN = "(() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(true)))))"

# Which document this is, and the number of the timer after all that were armed in it.
_TIMERS = """((seconds) => {
  const own = globalThis.timers ||= {document: Math.random(), ours: 0};
  const next = () => { const id = setTimeout(() => 0); clearTimeout(id); own.ours += 1; return id; };
  const told = () => { const id = next(); return {document: own.document, armed: id - own.ours}; };
  if (seconds === null) return told();
  own.ours += 1;
  return new Promise(done => setTimeout(() => done(told()), 1000 * seconds));
})"""


class PageActivity:
    """Of one page. `leaving`: a navigation of it was asked for, and nothing has come of it yet."""

    def __init__(self, protocol: CDPSession) -> None:
        self._protocol = protocol
        self._frame = ""
        self._since: tuple[float, int] | None = None
        self.asked = False  # for a navigation, and it may still come to nothing
        self.leaving = False  # it has begun
        protocol.on("Page.frameRequestedNavigation", self._requested)
        protocol.on("Page.frameStartedNavigating", self._started)
        for ended in (
            "Page.frameNavigated",
            "Page.navigatedWithinDocument",
            "Page.frameStoppedLoading",
        ):
            protocol.on(ended, self._ended)

    async def begun(self) -> PageActivity:
        """Itself, once it is told of what happens to the page."""
        await self._protocol.send("Page.enable")
        self._frame = (await self._protocol.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        return self

    async def drawn(self) -> None:
        """Return once the page has drawn a frame."""
        await self._told(_DRAWN, None)

    async def marked(self) -> None:
        """Remember which timers there are before an act."""
        self._since = await self._timers(None)
        self.asked = False

    async def turned(self, seconds: float = 0) -> bool:
        """Return once what was queued in the page, and each timer that is due within so many
        seconds, has run.

        Whether an act has armed a timer since `marked`, as far as that is known: a document that is
        gone tells nothing."""
        now = await self._timers(seconds)
        before = self._since or (0.0, 0)
        if now is None:
            now = await self._timers(0)
        if now is None:
            return False
        return now[1] > (before[1] if now[0] == before[0] else 0)

    async def watch(self, *, deep: bool) -> None:
        """From now on note whether the page changes. Not `deep`: it cannot, but for another that
        comes in its place."""
        await self._told(_WATCH, {"begin": True, "deep": deep})

    async def unchanged(self, *, deep: bool) -> bool:
        """Whether it is the same document since `watch`, and nothing that it shows has changed."""
        same = await self._told(_WATCH, {"begin": False, "deep": deep})
        return same is True and not self.leaving

    async def _timers(self, seconds: float | None) -> tuple[float, int] | None:
        told = await self._told(_TIMERS, seconds)
        return (told["document"], told["armed"]) if told else None

    async def _told(self, function: str, argument: object) -> Any:
        """What a function says of the page, in a world of our own; None when the document went away
        meanwhile."""
        from playwright.async_api import Error

        world = {"frameId": self._frame, "worldName": WORLD}
        try:
            context = (await self._protocol.send("Page.createIsolatedWorld", world))[
                "executionContextId"
            ]
            call = {
                "expression": f"{function}({json.dumps(argument)})",
                "contextId": context,
                "awaitPromise": True,
                "returnByValue": True,
            }
            return (await self._protocol.send("Runtime.evaluate", call))["result"].get("value")
        except Error as error:
            if any(sign in str(error) for sign in _GONE):
                return None
            raise

    def _requested(self, told: dict[str, Any]) -> None:
        self.asked = self.asked or (
            told["frameId"] == self._frame and told["disposition"] == "currentTab"
        )

    def _started(self, told: dict[str, Any]) -> None:
        if told["frameId"] == self._frame and told["navigationType"] != "sameDocument":
            self.leaving = True

    def _ended(self, told: dict[str, Any]) -> None:
        if told.get("frameId", told.get("frame", {}).get("id")) == self._frame:
            self.leaving = self.asked = False
