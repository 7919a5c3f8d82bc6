"""Every word that the factory says to people on the forge lives here, and each kind has a golden file in the tests.

The first paragraph is for the person who filed the issue: plain, kind, no jargon. The folded part is for maintainers.
Text from outside is quoted inside code fences or escaped, so that it can never be a link, an image or a mention.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harness.domain.lifecycle import Event, State
from harness.factory.history import History

ISSUE_MARKER = "<!-- lights-out-factory:issue -->"
PULL_REQUEST_MARKER = "<!-- lights-out-factory:pull-request -->"

Link = Callable[[str], str]

LABELS: Mapping[State, str] = {
    State.UNTRIAGED: "factory:triage",
    State.ACCEPTED: "factory:accepted",
    State.REJECTED: "factory:rejected",
    State.NEEDS_INFO: "factory:needs-info",
    State.NEEDS_HUMAN: "factory:needs-human",
    State.IMPLEMENTING: "factory:building",
    State.CHANGES_REQUESTED: "factory:building",
    State.VALIDATING: "factory:validating",
    State.APPROVED: "factory:validating",
    State.MERGING: "factory:validating",
    State.MERGED: "factory:merged",
    State.PAUSED: "factory:paused",
}
DUPLICATE = "factory:duplicate"
ALL_LABELS = frozenset({*LABELS.values(), DUPLICATE})

_OPENING: Mapping[State, str] = {
    State.UNTRIAGED: "Thank you for writing this. It has not been looked at yet; it will be on the next pass.",
    State.ACCEPTED: "Accepted. This fits the mission, and work on it starts on its own.",
    State.IMPLEMENTING: "Being built. A change is written in a closed box and then judged by a separate program "
                        "that has never seen the code.",
    State.CHANGES_REQUESTED: "Not good enough yet. A first change was judged in a real browser and did not hold; "
                             "another attempt follows on its own.",
    State.VALIDATING: "A change is ready. It is being tried in a real browser, against sealed checks.",
    State.APPROVED: "The change passed its sealed checks and is about to land.",
    State.MERGING: "The change passed its sealed checks and is landing now.",
    State.MERGED: "Done. The change is in production's branch.",
    State.NEEDS_HUMAN: "A person has to look at this. Nothing was merged, and nothing more happens until they do.",
    State.NEEDS_INFO: "One thing is missing before this can be decided. A reply here is enough to go on.",
    State.PAUSED: "On hold by a maintainer. Nothing happens until they lift it.",
}

_BECAUSE: Mapping[str, str] = {
    Event.TRIAGE_ACCEPTED: "it is within the mission",
    Event.TRIAGE_REJECTED: "the mission leaves this out on purpose",
    Event.TRIAGE_DUPLICATE: "it was asked before",
    Event.TRIAGE_UNSURE: "the factory could not decide this on its own",
    Event.RUN_FAILED: "an attempt failed",
    Event.LAW_REFUSED: "the change broke a rule",
    Event.SPLIT: "the change is larger than one change may be",
    Event.CANNOT_DO: "the factory could not do this honestly",
    Event.BUDGET_EXHAUSTED: "the money set aside for it is spent",
    Event.JUDGE_AGAIN: "the sealed check came to no answer and is asked again",
    Event.INCONCLUSIVE: "the sealed check could not come to an answer, and no answer is a no",
    Event.ROUNDS_EXHAUSTED: "the attempts allowed for one issue are used up",
    Event.HANDED_OVER: "no browser can judge this, so it is yours to merge",
    Event.GATE_REFUSED: "a gate before merging said no",
    Event.LANDED_TREE_DIFFERS: "what landed is not what was judged, so merging is frozen",
}


def label_of(history: History) -> str:
    """The one label that says where an issue stands."""
    return DUPLICATE if history.is_duplicate else LABELS[history.state]


def issue_comment(history: History, link: Link) -> str:
    """The one sticky comment of an issue: what was decided, by which rule, what happens next, how to appeal."""
    parts = [ISSUE_MARKER, _headline(history), *_reason(history, link), *_next_step(history), _folded(history, link)]
    return "\n\n".join(part for part in parts if part) + "\n"


def pull_request_body(*, issue: int, title: str, summary: str, run: str, rules: str) -> str:
    """The pull request's text. The issue is the one of the ledger; the agent's words are quoted, and are no claim."""
    return "\n\n".join((
        PULL_REQUEST_MARKER,
        f"Factory work on #{issue}: {_inline(title)}",
        "What the agent says of it (its own words, checked by nobody):",
        _fenced(summary),
        f"Run `{run}`, rules `{rules:.19}`. The factory lands it only if the sealed validator passes exactly this change.",
    )) + "\n"


def commit_message(*, issue: int, title: str, run: str, rules: str) -> str:
    """Subject and trailers of a factory commit."""
    subject = " ".join(title.split())[:60]
    return f"{subject}\n\nIssue: #{issue}\nFactory-Run: {run}\nFactory-Rules: {rules}\n"


def merge_message(*, issue: int, title: str, run: str, rules: str) -> str:
    """Subject and trailers of the merge candidate."""
    subject = " ".join(title.split())[:60]
    return f"Merge the change for #{issue}: {subject}\n\nFactory-Run: {run}\nFactory-Rules: {rules}\n"


def finding_for_agent(findings: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The judge's public findings as sentences: the issue's or the mission's words, and what a person would see."""
    return tuple(f"“{finding.get('words', '')}” — {finding.get('observed', '')}" for finding in findings)


def _headline(history: History) -> str:
    state = history.state
    if state is State.REJECTED:
        if history.is_duplicate:
            older = history.transitions[-1].data["duplicate_of"]
            return f"Closed as a duplicate of #{older}. Please follow that one."
        return "Thank you for the idea. It will not be built, and here is why."
    return _OPENING[state]


def _reason(history: History, link: Link) -> list[str]:
    triage, parts = history.triage or {}, []
    if history.state in (State.REJECTED, State.NEEDS_INFO) and triage.get("reply"):
        parts.append(str(triage["reply"]))
    if history.state in (State.REJECTED, State.ACCEPTED) and triage.get("cites") and not history.is_duplicate:
        cites = ", ".join(f"[{cite['id']}]({link(cite['path'])})" for cite in triage["cites"])
        quote = f"\n{_fenced(triage['quote'])}" if triage.get("quote") else ""
        parts.append(f"Decided by {cites}, from these words of yours:{quote}" if quote else f"Decided by {cites}.")
    last = history.transitions[-1] if history.transitions else None
    if last and last.data.get("says") and history.state in (State.NEEDS_HUMAN, State.CHANGES_REQUESTED, State.ACCEPTED):
        because = _BECAUSE.get(last.data["event"], "")
        parts.append(f"Why: {because + ': ' if because else ''}{_inline(str(last.data['says']))}")
    if history.state is State.MERGED and history.landed:
        commit = history.landed["commit"]
        parts.append(f"It landed as [`{commit:.10}`]({link(f'commit/{commit}')}), the very tree that was judged.")
    elif history.state is State.MERGED:
        parts.append(f"Why: {_inline(str(last.data['says']))}. The factory did not judge what landed." if last else "")
    return parts


def _next_step(history: History) -> list[str]:
    match history.state:
        case State.REJECTED:
            return ["If this is a misunderstanding, reply with `/factory appeal` and a sentence on why: a person reads it."]
        case State.NEEDS_HUMAN:
            return [f"Maintainers: `factory why {history.issue}` tells the whole chain; a comment `/factory retry` starts again."]
        case _:
            return []


def _folded(history: History, link: Link) -> str:
    rows = [f"| {entry.at[:19]} | {entry.data['from']} → {entry.data['to']} | {entry.data['event']} | "
            f"{_cell(entry.data.get('says', ''))} |" for entry in history.transitions]
    if not rows:
        return ""
    usage, proposal = history.usage, history.proposal
    facts = [f"Cost so far: ${usage.cost_usd:.4f} in {usage.calls} model calls."]
    if proposal:
        facts.append(f"Pull request: [#{proposal['number']}]({link('pull/' + str(proposal['number']))}).")
    if history.verdict:
        page = link(f"/-/evidence/{history.verdicts[-1].run}/index.html")   # "" where the forge cannot show it
        shown = f" ([evidence]({page}))" if page else ""
        facts.append(f"Sealed verdict: {history.verdict['outcome']}, {history.verdict['reason']}{shown}.")
    facts.append(f"Rules: `{history.transitions[-1].data.get('rules', '')}`")
    table = "\n".join(("| when | state | event | why |", "|---|---|---|---|", *rows))
    return f"<details><summary>For maintainers</summary>\n\n{table}\n\n" + "\n".join(facts) + "\n\n</details>"


def _inline(text: str) -> str:
    """One line of outside text, with everything that Markdown or the forge would act on taken out of service."""
    flat = " ".join(text.split())
    for char in "\\`*_[]<>|#@!":
        flat = flat.replace(char, f"\\{char}" if char != "@" else "@\u200b")
    return flat


def _cell(text: str) -> str:
    return _inline(text)[:160]


def _fenced(text: str) -> str:
    longest = max((len(run) for run in _backtick_runs(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.strip()}\n{fence}"


def _backtick_runs(text: str) -> Iterable[str]:
    run = ""
    for char in text:
        if char == "`":
            run += char
        elif run:
            yield run
            run = ""
    if run:
        yield run
