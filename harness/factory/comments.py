"""Every word that the factory says to people on the forge lives here, and each kind has a golden file in the tests.

The first paragraph is for the person who filed the issue: plain, kind, no jargon. The folded part is for maintainers.
Text from outside is quoted inside code fences or escaped, so that it can never be a link, an image or a mention.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from harness.domain.lifecycle import Event, State
from harness.factory.chain import page_of, rules_against
from harness.factory.consequence import Consequence, Edited
from harness.factory.history import History
from harness.factory.link import Link as ChainLink
from harness.governance.past.edits import Edit
from harness.governance.past.history import RecordedChange

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
    State.NEEDS_INFO: "Thank you for writing this. One thing is missing before it can be decided:",
    State.PAUSED: "On hold by a maintainer. Nothing happens until they lift it.",
}

_BECAUSE: Mapping[str, str] = {
    Event.TRIAGE_ACCEPTED: "it is within the mission",
    Event.TRIAGE_REJECTED: "the mission leaves this out on purpose",
    Event.TRIAGE_DUPLICATE: "it was asked before",
    Event.TWIN_LANDED: "it may be done already",
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
    if history.is_duplicate:
        return DUPLICATE
    return LABELS[State.NEEDS_INFO if was_not_answered(history) else history.state]


def was_not_answered(history: History) -> bool:
    """Whether it was closed because nobody answered the question on it."""
    return history.state is State.REJECTED and history.transitions[-1].data["event"] == Event.NO_REPLY


def issue_comment(history: History, link: Link) -> str:
    """The one sticky comment of an issue: what was decided, by which rule, what happens next, how to appeal."""
    parts = [ISSUE_MARKER, _headline(history), *_reason(history, link), *_next_step(history), _folded(history, link)]
    return "\n\n".join(part for part in parts if part) + "\n"


def pull_request_body(*, issue: int, title: str, summary: str, run: str, rules: str) -> str:
    """The pull request's text. The issue is the one of the ledger; the agent's words are quoted, and are no claim."""
    return "\n\n".join((
        PULL_REQUEST_MARKER,
        f"Factory work on #{issue}: {_inline(_naming_nothing(title))}",
        "What the agent says of it (its own words, checked by nobody):",
        _fenced(_naming_nothing(summary)),
        f"Run `{run}`, rules `{rules:.19}`. The factory lands it only if the sealed validator passes exactly this change.",
    )) + "\n"


def commit_message(*, issue: int, title: str, run: str, rules: str) -> str:
    """Subject and trailers of a factory commit."""
    return f"{_subject(title)}\n\nIssue: #{issue}\nFactory-Run: {run}\nFactory-Rules: {rules}\n"


def merge_message(*, issue: int, title: str, run: str, rules: str) -> str:
    """Subject and trailers of the merge candidate."""
    return f"Merge the change for #{issue}: {_subject(title)}\n\nFactory-Run: {run}\nFactory-Rules: {rules}\n"


def finding_for_agent(findings: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The judge's public findings as sentences: the issue's or the mission's words, and what a person would see."""
    return tuple(f"“{finding.get('words', '')}” — {finding.get('observed', '')}" for finding in findings)


MOST_ROWS = 50
"""Rows of a table in a check: what is beyond is counted."""


def consequence_words(found: Consequence, link: Link, *, base: str, head: str) -> tuple[str, str]:
    """Title and summary of the check on a pull request that edits the law: flips first, because they are what it is for."""
    where = f"as merged into `{base:.10}`" if found.merged else f"as it is at `{head:.10}`, because it conflicts with the base"
    end = f"Read {where}. It binds nothing until a person merges it; the factory never does."
    if found.fault or found.impact is None:
        return "This cannot be read as governance", (
            f"The factory would not start on it:\n\n{_fenced(found.fault)}\n\nCorrect that line and push again.\n\n{end}\n")
    flips, changes = len({flip.change for flip in found.impact.flips}), found.impact.changes
    says = (f"{flips} of {_count(changes, 'recorded change')} would be decided otherwise" if flips else
            f"No change of {_count(changes, 'recorded change')} would be decided otherwise" if changes else
            "No change is recorded yet, so nothing can be replayed")
    faults = [_count(len(found.findings), "new lint finding")] if found.findings else []
    faults += [f"{_count(len(found.failed), 'case')} not held"] if found.failed else []
    parts = [f"**{says}.**", _flips(found, link), "**What is edited**" if found.edited else "**Nothing that binds is edited.**",
             _edited(found, link, head), _lint(found), _cases(found), end]
    return "; ".join((*faults, says, _named(found.edited))), "\n\n".join(filter(None, parts)) + "\n"


def _named(edited: Sequence[Edited]) -> str:
    """Which entries an edit is of, as many as a title has room for."""
    names = [one.id for one in edited[:3]] + ([f"{len(edited) - 3} more"] if len(edited) > 3 else [])
    return f"edits {', '.join(names)}" if names else "edits nothing that binds"


def _flips(found: Consequence, link: Link) -> str:
    assert found.impact is not None, "only what was read has flips"
    changes = found.changes or {}
    rows = [(f"[#{flip.change}]({_of(changes.get(flip.change), link) or link(f'pull/{flip.change}')})", _inline(flip.rule),
             flip.before.value, f"{flip.after.value}{' (shadow)' if flip.shadow else ''}", _cell(flip.says))
            for flip in found.impact.flips]
    return _table(("change", "rule", "before", "after", "it says"), rows)


def _of(change: RecordedChange | None, link: Link) -> str:
    """The address that the record itself gives, if it is one."""
    url = change.url if change else ""
    return url if url.startswith(("https://", "http://")) and not set(url) & set(" ()<>\n") else ""


def _edited(found: Consequence, link: Link, head: str) -> str:
    rows = [(f"{_inline(one.id)} ({_inline(one.title)})", one.edit.value, _fired(one),
             f"[{_inline(one.file)}:{one.line}]({link(f'blob/{head}/{quote(one.file)}?plain=1#L{one.line}')})"
             if one.edit is not Edit.REMOVED else f"was at {_inline(one.file)}:{one.line}") for one in found.edited]
    return _table(("entry", "edit", "on the record", "where"), rows)


def _fired(one: Edited) -> str:
    if one.asked is None:
        return "not replayed: code alone does not decide it"
    if not one.asked:
        return "never asked"
    return f"would refuse {one.refused} of {one.asked}" if one.refused else f"never fires, asked {_count(one.asked, 'time')}"


def _lint(found: Consequence) -> str:
    older = f" {_count(found.older, 'older finding')} not held against this edit." if found.older else ""
    if not found.findings:
        return f"**Lint:** nothing new.{older}" if found.older else "**Lint:** clean."
    rows = "\n".join(f"{one.file}:{one.line}: {one.code}: {one.says}" for one in found.findings[:MOST_ROWS])
    return f"**Lint** finds what this edit brings.{older}\n\n{_fenced(rows)}"


def _cases(found: Consequence) -> str:
    if not found.failed:
        return f"**Cases:** all {found.cases} hold." if found.cases else "**Cases:** there are none."
    rows = "\n".join(f"{one.source.file}:{one.source.line}: {one.rule}: expected {one.expected}, got {one.got}: {one.says}"
                     for one in found.failed[:MOST_ROWS])
    return f"**Cases:** {len(found.failed)} of {found.cases} do not hold.\n\n{_fenced(rows)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows[:MOST_ROWS])]
    more = f"\n\nand {len(rows) - MOST_ROWS} more" if len(rows) > MOST_ROWS else ""
    return "\n".join(lines) + more


def _count(number: int, what: str) -> str:
    plural = f"{what.removesuffix('y')}ies" if what.endswith("y") else f"{what}s"
    return f"{number} {what if number == 1 else plural}"


def _headline(history: History) -> str:
    state = history.state
    if state is State.REJECTED:
        if history.is_duplicate:
            older = history.transitions[-1].data["duplicate_of"]
            return f"Closed as a duplicate of #{older}. Please follow that one."
        if was_not_answered(history):
            return "Closed for now: a question was asked here and has no answer yet. Nothing is lost."
        return "Thank you for the idea. It will not be built, and here is why."
    if history.waits:
        return "Thank you for writing this. It waits its turn; nothing is lost, and there is nothing for you to do."
    return _OPENING[state]


def _reason(history: History, link: Link) -> list[str]:
    triage, parts = history.triage or {}, []
    if waits := history.waits:
        rule = f" ([{waits['rule']}]({link(waits['path'])}))" if waits["rule"] else ""
        parts.append(f"Why: {_inline(waits['says'])}{rule}. It keeps its place, and is looked at on a later pass, on its own.")
    if triage.get("reply") and (history.state is State.NEEDS_INFO or was_not_answered(history)):
        parts.append(f"> {_inline(triage['reply'])}")
    elif triage.get("reply") and history.state is State.REJECTED:
        parts.append(str(triage["reply"]))
    if history.state in (State.REJECTED, State.ACCEPTED) and triage.get("cites") and not history.is_duplicate:
        cites = ", ".join(f"[{cite['id']}]({link(cite['path'])})" for cite in triage["cites"])
        quote = f"\n{_fenced(triage['quote'])}" if triage.get("quote") else ""
        parts.append(f"Decided by {cites}, from these words of yours:{quote}" if quote else f"Decided by {cites}.")
    last = history.transitions[-1] if history.transitions else None
    if last and last.data.get("says") and history.state in (State.NEEDS_HUMAN, State.CHANGES_REQUESTED, State.ACCEPTED):
        because = _BECAUSE.get(last.data["event"], "")
        says = _refusals(history, link) or f" {_inline(str(last.data['says']))}"
        parts.append(f"Why: {because}:{says}" if because else f"Why:{says}")
    if history.state is State.MERGED and history.landed:
        commit = history.landed["commit"]
        parts.append(f"It landed as [`{commit:.10}`]({link(f'commit/{commit}')}), the very tree that was judged.")
    elif history.state is State.MERGED:
        parts.append(f"Why: {_inline(str(last.data['says']))}. The factory did not judge what landed." if last else "")
    return parts


def _refusals(history: History, link: Link) -> str:
    """The rules that said no, one a line, each with the place where it is written."""
    lines = [f"- {_rule(against, link)} {against.standing.value}: {_inline(against.fact)}" for against in rules_against(history)]
    return "\n\n" + "\n".join(lines) if lines else ""


def _rule(against: ChainLink, link: Link) -> str:
    name = f"**{_inline(against.rule)}** ({_inline(against.title)})"
    return f"[{name}]({link(against.permalink)})" if against.permalink else name


def _next_step(history: History) -> list[str]:
    match history.state:
        case State.REJECTED if was_not_answered(history):
            return ["Reply here, whenever you like: then this is opened again, and looked at again, on its own."]
        case State.REJECTED:
            return ["If this is a misunderstanding, reply with `/factory appeal` and a sentence on why: a person reads it.",
                    *_closing(history)]
        case State.NEEDS_INFO:
            again = "Reply here, or add it to the text above: then it is looked at again, on its own."
            day = (history.closes or "")[:10]
            return [f"{again} Without an answer it closes on {day}; a later answer opens it again." if day else again]
        case State.NEEDS_HUMAN:
            return [f"Maintainers: `factory why {history.issue}` tells the whole chain; a comment `/factory retry` starts again."]
        case _:
            return []


def _closing(history: History) -> list[str]:
    """When a rejected issue is closed, or was."""
    if closed := history.closed:
        return [f"It was closed on {closed.at[:10]}, after the days that an appeal has. An appeal still opens it again."]
    return [f"It closes on {history.closes[:10]} unless it is appealed." if history.closes else ""]


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
    if chain_page := link(f"/-/{page_of(history.issue)}"):
        facts.append(f"[The whole chain]({chain_page}): by which rule, on what fact, in whose words, with what evidence.")
    facts.append(f"Rules: `{history.transitions[-1].data.get('rules', '')}`")
    table = "\n".join(("| when | state | event | why |", "|---|---|---|---|", *rows))
    return f"<details><summary>For maintainers</summary>\n\n{table}\n\n" + "\n".join(facts) + "\n\n</details>"


def _naming_nothing(text: str) -> str:
    """Outside text where a forge acts on names: when a change lands, it closes what `Fixes #7` in its commits and in its
    pull request names, in any of its spellings and in any repository, and tells whoever is mentioned."""
    return re.sub(r"://|\bGH-(?=[0-9])|[#@\uff03\uff20]", " ", text, flags=re.IGNORECASE)


def _subject(title: str) -> str:
    """A stranger's title in a commit message."""
    flat = _naming_nothing(" ".join(title.split()))
    return " ".join(flat.split())[:60].rstrip() or "(no title)"


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
