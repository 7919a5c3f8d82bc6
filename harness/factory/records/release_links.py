"""The links of a release: how a landed commit came to its environments, what was seen of it there,
and what was taken back. Pure.

Properties:
- each decision about a release is a link, and names its entry;
- an environment that was not asked has no link."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.domain.events import ReleaseMoved, SmokeSeen, Switched
from harness.domain.ledger import Entry
from harness.domain.release import RED, SOAKS, ReleaseEvent, ReleaseState, next_release_state
from harness.domain.shortened import count
from harness.domain.shown_states import RELEASES
from harness.factory.records.link import Link, LinkOutcome, Stage
from harness.factory.records.releases import Release

_E = ReleaseEvent
_MOVES: Mapping[ReleaseEvent, tuple[LinkOutcome, str]] = {
    _E.SUPERSEDED: (LinkOutcome.DONE, "A newer landing went instead"),
    _E.DEPLOY_FAILED: (LinkOutcome.CANNOT_TELL, "A deployment failed, and is tried again"),
    _E.TURNED_RED: (LinkOutcome.REFUSES, "It turned red"),
    _E.NOT_TAKEN_BACK: (LinkOutcome.REFUSES, "It could not be taken back yet"),
    _E.HELD: (LinkOutcome.DONE, "It was held, and went no further"),
    _E.TAKEN_BACK: (LinkOutcome.DONE, "It was rolled back"),
    _E.GAVE_UP: (LinkOutcome.REFUSES, "It could not be taken back"),
}
"""The outcome and title of a move that has a link of its own. Every other one is explained by the
switch, the smoke or the soak that it follows from."""
_LIVE = re.compile(r"(?:Live|Again live) in (\S+)")
_ANSWERED = frozenset({_E.TURNED_RED, _E.DEPLOY_FAILED, _E.NOT_TAKEN_BACK})
"""Moves whose message is what a place or a program answered."""


def release_links(release: Release) -> tuple[Link, ...]:
    """The links of one release, oldest first."""
    return tuple(_ReleaseFold(release).links())


def filed_link(release: Release) -> Link:
    """For the issue about a release that turned red: where it comes from."""
    return _ReleaseFold(release).link(
        release.moves[-1],
        LinkOutcome.DONE,
        f"Filed about release {release.number}",
        stage=Stage.TRIAGE,
        fact=f"it is {RELEASES[release.state].phrase}, and was in {release.environment}",
        quote=release.fault,
        evidence=(f"commit/{release.commit}",),
    )


def live_in(link: Link) -> str:
    """The environment in which a commit is live since this link; empty for every other link."""
    found = _LIVE.fullmatch(link.title) if link.stage is Stage.RELEASE else None
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class _ReleaseFold:
    release: Release

    def links(self) -> Iterator[Link]:
        one, state, place = self.release, ReleaseState.LANDED, ""
        yield self._began()
        entries: tuple[Entry, ...] = (*one.moves, *one.smokes, *one.switches)
        for entry in sorted(entries, key=lambda entry: entry.seq):
            match entry.event:
                case ReleaseMoved() as moved:
                    if state in SOAKS and moved.event is not _E.TURNED_RED:
                        yield self._soaked(entry, place)
                    yield from self._moved(entry, moved)
                    state, place = next_release_state(state, moved.event), moved.environment
                case SmokeSeen() as seen:
                    yield from self._smoke(entry, seen)
                case Switched() as switched:
                    yield self._switched(entry, switched)

    def _began(self) -> Link:
        began = self.release.began.event
        whose = ", ".join(f"#{issue}" for issue in began.carries if issue) or "no issue"
        way = ", then ".join(place.name for place in began.environments)
        return self.link(
            self.release.began,
            LinkOutcome.DONE,
            f"Release {began.number} began",
            fact=f"commit {began.commit:.10}, to {way}; it carries {whose}",
            evidence=(f"commit/{began.commit}", f"tree {began.tree}"),
        )

    def _switched(self, entry: Entry, switched: Switched) -> Link:
        what = "Again live" if switched.is_rollback else "Live"
        return self.link(
            entry,
            LinkOutcome.DONE,
            f"{what} in {switched.environment}",
            fact=f"a look there found commit {switched.commit:.10} served, {switched.seconds:.1f} s"
            " after the switch began",
            evidence=(f"commit/{switched.commit}",),
        )

    def _smoke(self, entry: Entry, seen: SmokeSeen) -> Iterator[Link]:
        title = f"Sealed journeys in {seen.environment}"
        for red in seen.red:
            yield self.link(entry, LinkOutcome.REFUSES, title, fact=red.observed, quote=red.words)
        is_clear = seen.standing and len(seen.green) == seen.standing and not seen.reason
        whole = f"{len(seen.green)} of {seen.standing} sealed journeys green"
        outcome = LinkOutcome.HOLDS if is_clear else LinkOutcome.CANNOT_TELL
        signed = (seen.envelope, f"sha256:{seen.envelope_sha256}", f"key {seen.key_id}")
        yield self.link(
            entry,
            LinkOutcome.REFUSES if seen.red else outcome,
            title,
            fact=f"{whole}; {seen.reason}" if seen.reason else whole,
            evidence=signed if seen.envelope else (),
        )

    def _soaked(self, entry: Entry, place: str) -> Link:
        before = [one.event for one in self.release.answers if one.seq < entry.seq]
        well = sum(one.well for one in before if one.environment == place)
        title = f"It stayed healthy in {place}"
        return self.link(entry, LinkOutcome.HOLDS, title, fact=count(well, "healthy answer"))

    def _moved(self, entry: Entry, moved: ReleaseMoved) -> Iterator[Link]:
        if moved.event not in _MOVES:
            return
        outcome, title = _MOVES[moved.event]
        # The issue is about the end of a release, and is filed after it.
        ends = entry.seq == self.release.moves[-1].seq and self.release.state in RED
        yield self.link(
            entry,
            outcome,
            f"{title} in {moved.environment}" if moved.environment else title,
            fact="" if moved.event in _ANSWERED else moved.message,
            quote=moved.message if moved.event in _ANSWERED else "",
            permalink=f"issues/{self.release.filed}" if ends and self.release.filed else "",
        )

    def link(
        self,
        entry: Entry,
        outcome: LinkOutcome,
        title: str,
        *,
        stage: Stage = Stage.RELEASE,
        fact: str = "",
        quote: str = "",
        permalink: str = "",
        evidence: Iterable[str] = (),
    ) -> Link:
        return Link(
            stage=stage,
            outcome=outcome,
            rule="",
            title=title,
            permalink=permalink,
            fact=fact,
            quote=quote,
            evidence=tuple(evidence),
            entry=entry.seq,
            at=entry.at,
            run=self.release.name,
            rules="",
        )
