"""Drafts of the files that configure a factory: a pure function of the survey,
always valid for our own reader."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from harness.domain.budget import Caps
from harness.domain.governance import ScopeEntry
from harness.governance.export import issue_forms, labels
from harness.onboarding.evidence.test_commands import REPORT
from harness.onboarding.nevers import nevers_of
from harness.onboarding.rules import rules_of, unchecked_in
from harness.onboarding.scope import scope_in
from harness.onboarding.survey import Product, Survey
from harness.onboarding.words import is_harmless, literal, paragraph, plain

if TYPE_CHECKING:
    from jinja2 import Environment

MISSION, RULES, CODE, CONFIG = "mission.md", "factory_rules.md", "CLAUDE.md", "factory.toml"
LABELS = (".github/labels.json", ".github/labels.yml", ".github/labels.yaml")
"""Where a repository keeps its labels; the first path is ours."""

TAKEN = frozenset(
    name.casefold()
    for name in (MISSION, RULES, CODE, CONFIG, "mission.draft.md", "factory_rules.draft.md")
)
"""Lower-case names at the root that a draft could have."""

MOST_ROUTES = 8


@dataclass(frozen=True, slots=True)
class DraftFile:
    """One file to write: its path from the root, its text, and the guesses in it, each
    with its evidence."""

    path: str
    text: str
    guesses: tuple[str, ...] = ()


def drafts_of(
    survey: Survey,
    *,
    keep: Iterable[int] = (),
    trusted_keys: Sequence[str] = (),
    state_labels: Collection[str] = (),
) -> tuple[DraftFile, ...]:
    """Every file that the repository lacks, valid for our own reader.

    `keep` are the numbers, from 1, of the proposals that go into mission.md; `trusted_keys` are
    pinned in factory.toml; `state_labels` are those that the factory sets. A mission.md or
    factory_rules.md in prose gets its draft beside it, as `mission.draft.md`; one with binding
    blocks is left alone. Issue forms and labels are what `factory rules export` would write.
    """
    mission = tuple(_mission(survey, frozenset(keep)))
    scope = scope_in(mission[0].text) if mission else survey.scope
    return (
        *mission,
        *_rules(survey),
        *_code(survey),
        *_config(survey, trusted_keys),
        *_forms(survey, scope),
        *_labels(survey, state_labels),
    )


def _mission(survey: Survey, keep: frozenset[int]) -> Iterator[DraftFile]:
    path = _governing_path(survey, MISSION)
    # No path: the file exists and binds, or a draft of it is already there.
    if path:
        nevers = nevers_of(survey)
        # What the repository rules out in its own words is drafted; the rest only when it is kept.
        kept = [never for number, never in enumerate(nevers, 1) if number in keep or never.source]
        routes = list(
            dict.fromkeys(route.path for route in survey.routes if is_harmless(route.path))
        )[:MOST_ROUTES]
        yield DraftFile(
            path,
            _text(
                "mission.md",
                survey=survey,
                kept=kept,
                routes=routes,
                summary=paragraph(survey.summary),
                name=paragraph(survey.name) or "This project",
                is_site=survey.product is Product.SITE,
                is_draft=path != MISSION,
            ),
            tuple(_mission_guesses(survey)),
        )


def _mission_guesses(survey: Survey) -> Iterator[str]:
    source = (
        str(survey.summary_because)
        if survey.summary_because
        else f"the name alone: {survey.readme} has no paragraph about what it is"
        if survey.readme
        else "the name alone: there is no README"
    )
    yield f"what the product is: {source}"
    yield (
        f"what kind of thing: {survey.product}, because"
        f" {survey.product_because or 'nothing here starts an app or installs a command'}"
    )
    for clause in survey.clauses:
        if clause.kind == "out":
            yield (
                f"never: {clause.values[0] if clause.values else clause.quote} (because"
                f" {clause.place} reads “{clause.quote}”)"
            )


def _rules(survey: Survey) -> Iterator[DraftFile]:
    path = _governing_path(survey, RULES)
    if path:
        rules, unchecked = rules_of(survey), unchecked_in(survey)
        listed = [
            (clause.place, clause.quote if is_harmless(clause.quote) else "")
            for clause in unchecked
        ]
        guesses = [
            f"{rule.id} in shadow, because {clause.place} reads “{clause.quote}”"
            for rule in rules
            if rule.status == "shadow"
            for clause in rule.clauses
        ]
        guesses += [
            f"no check: {clause.place} reads “{clause.quote}”, which nothing here can hold yet"
            for clause in unchecked
        ]
        yield DraftFile(
            path,
            _text(
                "factory_rules.md",
                name=paragraph(survey.name) or "this project",
                rules=rules,
                unchecked=listed,
                is_draft=path != RULES,
            ),
            tuple(guesses),
        )


def _code(survey: Survey) -> Iterator[DraftFile]:
    # CLAUDE.md is for people and agents; an existing one is never replaced.
    if CODE.casefold() not in survey.present:
        beside = [
            one.file
            for one in survey.governing
            if one.name.endswith(("AGENTS.md", "CONTRIBUTING.md"))
        ]
        run = (
            " ".join(survey.suite.command)
            if survey.suite and is_harmless(" ".join(survey.suite.command))
            else ""
        )
        name = paragraph(survey.name) or "this project"
        yield DraftFile(CODE, _text("CLAUDE.md", name=name, survey=survey, beside=beside, run=run))


def _config(survey: Survey, trusted_keys: Sequence[str]) -> Iterator[DraftFile]:
    if CONFIG not in survey.present:
        yield DraftFile(
            CONFIG,
            _text(
                "factory.toml",
                survey=survey,
                trusted_keys=tuple(trusted_keys),
                report=REPORT,
                caps=Caps(),
                cost=_cost,
            ),
            tuple(_config_guesses(survey)),
        )


def _cost(model: str, calls: int) -> str:
    """US dollars for calls of the size that the template names, at the built-in prices."""
    from harness.programs.broker.prices import Tokens, dollars, prices

    table = prices()
    # The day of the table: a draft is the same whenever it is made.
    rates = table.rates(model, day=table.as_of)
    return f"{dollars(calls * rates.cost(Tokens(input=12_000, output=1_500))):.2f}"


def _config_guesses(survey: Survey) -> Iterator[str]:
    if survey.start:
        yield (
            f"start: `{' '.join(survey.start.argv)}` with its port in ${survey.start.port_env},"
            f" because {survey.start.because}"
        )
        yield (
            f"ready: {survey.ready}, because"
            f" {survey.ready_because or 'no route shows that the app is up'}"
        )
    for command in survey.commands:
        yield f"command {command.name}: `{command.line}`, because {command.because}"
    if survey.data.env:
        yield f"data: ${survey.data.env}, because {survey.data.because[0]}"
    if survey.data.seed:
        yield f"seed: `{' '.join(survey.data.seed)}`, because {survey.data.because[-1]}"
    for service in survey.services:
        if service.draft:
            because = ", and ".join(map(str, service.because))
            yield f"service {service.draft.name}: {service.kind}, because {because}"
    if survey.suite and survey.suite.command:
        yield f"tests: `{' '.join(survey.suite.command)}`, because {survey.suite.because}"
    for what, lock in (("lock", survey.lock), ("lock of the tests", survey.tests_lock)):
        if lock and not lock.make:
            yield f"{what}: {lock.path}, because {lock.because}"


def _forms(survey: Survey, scope: Iterable[ScopeEntry]) -> Iterator[DraftFile]:
    if not survey.issue_forms:
        yield from (DraftFile(file.path, file.text) for file in issue_forms(scope).files)


def _labels(survey: Survey, state_labels: Collection[str]) -> Iterator[DraftFile]:
    if state_labels and not survey.present & set(LABELS):
        yield from (DraftFile(file.path, file.text) for file in labels(state_labels).files)


def _governing_path(survey: Survey, name: str) -> str:
    """Where the draft of a governance file goes: its own name, beside existing prose, or
    nowhere."""
    there = next((one for one in survey.governing if one.name == name), None)
    if there is None:
        return name if name.casefold() not in survey.present else ""
    beside = name.replace(".md", ".draft.md")
    return "" if there.binds or beside.casefold() in survey.present else beside


def _text(template: str, **values: Any) -> str:
    return _environment().get_template(f"{template}.j2").render(values)


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import DictLoader, Environment, StrictUndefined

    folder = files("harness.onboarding") / "templates"
    templates = {
        path.name: path.read_text("utf-8") for path in folder.iterdir() if path.name.endswith(".j2")
    }
    environment = Environment(
        loader=DictLoader(templates),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        comment_start_string="<#",
        # `{#` begins an id of ours.
        comment_end_string="#>",
        autoescape=False,  # noqa: S701 - Markdown, YAML and TOML, not a page
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "literal": literal,
        "plain": plain,
        "literals": lambda items: ", ".join(map(literal, items)),
    }
    return environment
