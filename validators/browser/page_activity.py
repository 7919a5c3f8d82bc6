"""What a page does by itself: what an act set off in it, and whether it stood still while it was
looked at.

Properties:
- The questions run in an isolated world. The page can neither see them nor alter the answers.
- When `run_timers` returns, everything that an act had queued in the page has run, and a navigation
  that it began shows as `leaving`.
- A timer is known by its number: the numbers of one document count up, in every world. A number
  does not show when its timer is due, so a caller waits for all timers that are due within a
  bound."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import CDPSession

WORLD = "motion"
# The world that was named is gone, so nothing of the question has run.
_NOT_BEGUN = "Cannot find context with specified id"
_GONE = (
    "context was destroyed",
    "find context",
    "navigated or closed",
    "No frame",
    "Frame with the given",
)

# Whether anything that can be seen changed since `begin`. What moves without showing anything else
# (a bar that grows, a wheel that turns) is no change: otherwise a page that always moves could
# never be looked at.
_WATCH = r"""(({begin, deep}) => {
  const meaningful = /^(aria-.*|role|href|src|value|checked|selected|disabled|hidden|open|inert|alt|title|label|for|id|name|type|
    |placeholder|readonly|required|contenteditable|datetime|download|level|tabindex)$/;
  const roots = from => [from, ...[...from.querySelectorAll('*')].flatMap(e => e.shadowRoot ? roots(e.shadowRoot) : [])];
  const visible = e => e.checkVisibility({visibilityProperty: true});
  const shown = () => !deep ? '' : JSON.stringify(roots(document).map(root => {
    const all = [...root.querySelectorAll('*')];
    const fields = all.filter(e => /^(INPUT|SELECT|TEXTAREA)$/.test(e.tagName));
    const text = root === document ? document.body && document.body.innerText : [...root.children].map(e => e.innerText);
    return [text, all.filter(visible).length, fields.map(e => [e.value, e.checked, e.selectedIndex, e.disabled])];
  }).concat(location.href));
  const note = records => {
    const plain = records.every(one => one.type === 'attributes' && !meaningful.test(one.attributeName));
    own.changed ||= records.length > 0 && (!plain || shown() !== own.shown);
  };
  const own = globalThis.watched ||= {};
  if (!begin) {
    if (!own.observer) return false;
    note(own.observer.takeRecords());
    own.observer.disconnect();
    own.observer = null;
    return !own.changed && shown() === own.shown;
  }
  if (own.observer) own.observer.disconnect();
  own.changed = false;
  own.shown = shown();
  own.observer = new MutationObserver(note);
  const what = {subtree: true, childList: true, characterData: true, attributes: true};
  for (const root of roots(document)) own.observer.observe(root, what);
  return true;
})""".replace("|\n    |", "|")  # noqa: E501

# A page gives the focus to the element that asks for it (`autofocus`) with its first frame.
_FRAME = "(() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(true)))))"

# Which document this is, and how many timers it has armed. The page's timers and those of this
# script share one count, so the script subtracts its own.
_TIMERS = """((seconds) => {
  const own = globalThis.timers ||= {document: Math.random(), ours: 0};
  const next = () => { const id = setTimeout(() => 0); clearTimeout(id); own.ours += 1; return id; };
  const answer = () => { const id = next(); return {document: own.document, armed: id - own.ours}; };
  if (seconds === null) return answer();
  own.ours += 1;
  return new Promise(done => setTimeout(() => done(answer()), 1000 * seconds));
})"""  # noqa: E501


class PageActivity:
    """The activity of one page.

    `asked`: a navigation was requested and may still come to nothing. `leaving`: one has begun and
    has not ended yet."""

    def __init__(self, protocol: CDPSession) -> None:
        self._protocol = protocol
        self._frame = ""
        # Our world in the document that was asked last. None once another may come: the number of a
        # world is unique in one process alone, and another document may have another process.
        self._world: int | None = None
        # How often the document may have changed, by what the browser reported.
        self._changes = 0
        self._since: tuple[float, int] | None = None
        self.asked = False
        self.leaving = False
        protocol.on("Page.frameRequestedNavigation", self._navigation_requested)
        protocol.on("Page.frameStartedNavigating", self._navigation_started)
        for ended in (
            "Page.frameNavigated",
            "Page.navigatedWithinDocument",
            "Page.frameStoppedLoading",
        ):
            protocol.on(ended, self._navigation_ended)

    async def start(self) -> PageActivity:
        """Subscribe to the events of the page."""
        await self._protocol.send("Page.enable")
        self._frame = (await self._protocol.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        return self

    async def wait_for_frame(self) -> None:
        """Return once the page has drawn a frame."""
        await self._evaluate(_FRAME, None)

    async def mark_timers(self) -> None:
        """Remember which timers there are before an act."""
        self._since = await self._timers(None)
        self.asked = False

    async def run_timers(self, seconds: float = 0) -> bool:
        """Return once everything that was queued in the page, and each timer that is due within so
        many seconds, has run.

        The answer is whether an act has armed a timer since `mark_timers`; False if the document
        went away."""
        now = await self._timers(seconds)
        before = self._since or (0.0, 0)
        # The document went away while the script waited: ask the one that came in its place.
        if now is None:
            now = await self._timers(0)
        if now is None:
            return False
        return now[1] > (before[1] if now[0] == before[0] else 0)

    async def watch(self, *, deep: bool) -> None:
        """Note from now on whether the page changes. Without `deep`: the page cannot change by
        itself, so note only whether another replaces it."""
        await self._evaluate(_WATCH, {"begin": True, "deep": deep})

    async def unchanged(self, *, deep: bool) -> bool:
        """Whether the document is the same since `watch`, and shows the same."""
        same = await self._evaluate(_WATCH, {"begin": False, "deep": deep})
        return same is True and not self.leaving

    async def _timers(self, seconds: float | None) -> tuple[float, int] | None:
        timers = await self._evaluate(_TIMERS, seconds)
        return (timers["document"], timers["armed"]) if timers else None

    async def _evaluate(self, function: str, argument: object) -> Any:
        """What a JavaScript function returns in our isolated world; None when the document went
        away meanwhile."""
        from playwright.async_api import Error

        expression = f"{function}({json.dumps(argument)})"
        try:
            if self._world is not None:
                try:
                    return await self._evaluate_in(self._world, expression)
                except Error as error:
                    if _NOT_BEGUN not in str(error):
                        raise
            world = {"frameId": self._frame, "worldName": WORLD}
            changes = self._changes
            made = await self._protocol.send("Page.createIsolatedWorld", world)
            number = int(made["executionContextId"])
            self._world = number if changes == self._changes else None
            return await self._evaluate_in(number, expression)
        except Error as error:
            if any(sign in str(error) for sign in _GONE):
                self._forget_world()
                return None
            raise

    async def _evaluate_in(self, world: int, expression: str) -> Any:
        call = {
            "expression": expression,
            "contextId": world,
            "awaitPromise": True,
            "returnByValue": True,
        }
        return (await self._protocol.send("Runtime.evaluate", call))["result"].get("value")

    def _navigation_requested(self, event: dict[str, Any]) -> None:
        if event["frameId"] == self._frame and event["disposition"] == "currentTab":
            self.asked = True
            self._forget_world()

    def _navigation_started(self, event: dict[str, Any]) -> None:
        if event["frameId"] == self._frame and event["navigationType"] != "sameDocument":
            self.leaving = True
            self._forget_world()

    def _navigation_ended(self, event: dict[str, Any]) -> None:
        # `Page.frameNavigated` carries the whole frame, the other two events its id alone.
        if event.get("frameId", event.get("frame", {}).get("id")) == self._frame:
            self.leaving = self.asked = False
            if "frame" in event:
                self._forget_world()

    def _forget_world(self) -> None:
        self._world, self._changes = None, self._changes + 1
