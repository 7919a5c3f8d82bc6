"""A page of evidence that shows one of everything, in the words of somebody hostile."""

from dataclasses import replace

from validators.evidence.page import (
    Bound,
    Call,
    CallRow,
    Calls,
    Comparison,
    Control,
    Figure,
    Frame,
    Limit,
    Link,
    LookRow,
    Moment,
    NetworkRow,
    Page,
    Phase,
    Promise,
    Run,
    Screen,
    Shot,
    Terminals,
)
from validators.evidence.terminal import drawn

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}\"'" + "x" * 300
HASH = "sha256:" + "0123456789abcdef" * 4
RUN = Run(
    name=HOSTILE,
    journey=HOSTILE,
    state="red",
    tone="yes",
    seconds=1.2,
    summary=HOSTILE,
    frames=(
        Frame("1", HOSTILE, HOSTILE, "no", 0.1, "step-01.jpg"),
        Frame("2", HOSTILE, "done", "", 0.1),
    ),
    looks=(LookRow("here", "text", HOSTILE, HOSTILE, "did not hold", "no"),),
    messages=(HOSTILE,),
    console=(HOSTILE,),
    network=(NetworkRow("GET", HOSTILE, "500", HOSTILE, 9, 9, good=False),),
    server=HOSTILE,
    trace="trace.zip",
    files=(Link(HOSTILE, "page.png"),),
)
UNTRACED = replace(RUN, frames=RUN.frames[1:], trace="")
CALL = Call(HOSTILE, (HOSTILE,), HOSTILE, "500", "no", (HOSTILE,), HOSTILE, 9, 9)
COLOURS = "".join(
    f"\x1b[{ink};{paper}m{ink} on {paper}\x1b[0m \x1b[2;7;{ink}mturned\x1b[0m\n"
    for ink in (39, *range(30, 38), *range(90, 98))
    for paper in (49, 41, 47, 100, 107)
)
SCREEN = Screen(HOSTILE, drawn(HOSTILE + COLOURS), drawn(HOSTILE), "exit 0", "80 columns")
PAGE = Page(
    sealed=True,
    repository="seaside",
    issue=2,
    title=HOSTILE,
    kind="bug",
    outcome="failed",
    reason=HOSTILE,
    figures=(Figure("Journeys passed", "0 of 1", good=False),),
    comparisons=(
        Comparison(
            Shot("Before", "a" * 40, "before.png"),
            Shot("After", "b" * 40, "after.png"),
            Moment.STEP,
            Shot("At the end", "b" * 40, "end.png"),
            words=HOSTILE,
        ),
        Comparison(None, Shot("After", "b" * 40, "after.png"), Moment.ALONE),
    ),
    promises=(Promise("M-BOOK", HOSTILE, "broken", "no", HOSTILE),),
    controls=(Control("Negative controls", "1 of 1 failed", "yes", "Words."),),
    bound=(Bound("Base", "a" * 40), Bound("Journeys", HASH)),
    sandbox_form="bwrap-root",
    sandbox_words="which is a sandbox",
    unheld=(Limit("Disk", "Watched."), *(Limit("", HOSTILE) for _ in range(12))),
    signer="same-account",
    key_id="a" * 64,
    merkle_root=HASH,
    files=3,
    seed=1,
    commitment=HASH,
    run="run-1",
    round=1,
    began="2026-01-02T03:04:05Z",
    ended="2026-01-02T03:04:09Z",
    phases=(Phase("Browser", 4.0, 0, 100),),
    further_checks=(Control("Journeys of what has landed", "10 of 12 performed", "", HOSTILE),),
    runs=(RUN, UNTRACED),
    calls=(Calls(HOSTILE, (CallRow(CALL, replace(CALL, answer="")), CallRow(None, CALL))),),
    terminals=(Terminals(HOSTILE, HOSTILE, "", (SCREEN,), ()),),
)
