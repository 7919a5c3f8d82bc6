"""Governance text as it comes out of hasty hands: read, refused, or reported by lint; never lost in
silence, never a crash."""

import re
import time
from collections.abc import Collection
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.domain.errors import GovernanceError
from harness.domain.governance import Governance
from harness.governance import context, lint, read_governance
from harness.strict_yaml import StrictLoader, compose
from tests.governance.policy_texts import CODE, FRONT, MISSION, files, rule_text
from tests.tiers import share

ROOT = Path(__file__).parents[2]
OURS = {
    name: (ROOT / name).read_text("utf-8")
    for name in ("mission.md", "factory_rules.md", "CLAUDE.md")
}
# seconds a character may take to be read, on a machine that does much else
MEASURED_BY_SIZE = 2e-3
BLOCK = rule_text(
    "level: enforced\ncheck: {files: {max: 1}}\ncases: [{given: {files: 1}, expect: pass}]"
)
OTHER = BLOCK.replace("F-ONE", "F-TWO")
STATED = re.compile(
    r"""^[ \t>*+-]*id[ \t]*:[ \t]*["']?([A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+)""", re.MULTILINE
)


def read_or_refused(given: dict[str, bytes], *, at: Collection[str]) -> Governance | None:
    """The policy, or None where it is refused, which is at a line that is there of one of these
    files."""
    faults = []
    try:
        return read_governance(given)
    except GovernanceError as error:
        faults.append(error)
    for fault in faults:
        assert fault.file in at, fault
        lines = 2 + len(re.findall(rb"\r\n?|\n", given[fault.file]))
        assert fault.line is None or 1 <= fault.line <= lines, fault
    return None


def spoken_of(text: str) -> set[str] | None:
    """The ids that are bound or reported by lint; None where the text is refused."""
    policy = read_or_refused(
        {**files("x", mission=MISSION), "factory_rules.md": text.encode()}, at={"factory_rules.md"}
    )
    if policy is None:
        return None
    reported = " ".join(finding.message for finding in lint(policy))
    return {rule.id for rule in policy.rules} | set(
        re.findall(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+", reported)
    )


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        (BLOCK.replace("```yaml rule", "```yaml rules"), 6, "did you mean `yaml rule`?"),
        (BLOCK.replace("```yaml rule", "```yaml ruel"), 6, "did you mean `yaml rule`?"),
        (BLOCK.replace("```yaml rule", "```ymal rule"), 6, "did you mean `yaml rule`?"),
        (BLOCK.replace("```yaml rule", "```yamlrule"), 6, "did you mean `yaml rule`?"),
        (BLOCK.replace("```yaml rule", "```yaml-rule"), 6, "did you mean `yaml rule`?"),
        (BLOCK.replace("```yaml rule", "```rule"), 6, "did you mean `yaml rule`?"),
        (BLOCK.replace("```yaml rule", "```json rule"), 6, "did you mean `yaml rule`?"),
        (BLOCK.replace("```yaml rule", "```Rule Yaml"), 6, "did you mean `yaml rule`?"),
        (BLOCK.replace("```yaml rule", "```yaml"), 6, "states F-ONE and is no block"),
        (BLOCK.replace("```yaml rule", "```"), 6, "states F-ONE and is no block"),
        (BLOCK.replace("```yaml rule", "``yaml rule"), 6, "reads as prose"),
        (BLOCK.replace("```yaml rule", "'''yaml rule"), 6, "reads as prose"),
        (BLOCK.replace("```yaml rule", "    ```yaml rule"), 6, "reads as prose"),
        (BLOCK.replace("Because.\n```", "\n    ```"), 6, "is indented so far that it is a sample"),
        (BLOCK.replace("Because.\n```", "\n\t```"), 6, "is indented so far that it is a sample"),
        (BLOCK.replace("Because.\n", "Because.\n<div>\n"), 7, "stands in HTML"),
        (
            BLOCK.replace("Because.\n", "Because.\n\n<!-- later:\n"),
            7,
            "is never closed, and takes in all that follows",
        ),
        (BLOCK.replace("Because.\n", "```text\n"), 5, "takes in the block at line 6"),
        (BLOCK.replace("Because.\n", "~~~text\n"), 5, "is never closed"),
        (BLOCK.replace("```yaml rule", "- ```yaml rule"), 6, "stands by itself"),
        (BLOCK.replace("```yaml rule", "> ```yaml rule"), 6, "stands by itself"),
        (BLOCK + "```\n", 12, "is never closed"),
        (BLOCK.replace("level:", "\u2028level:"), 8, "U+2028 ends a line of YAML"),
        (BLOCK.replace("level:", "#\u0085level:"), 8, "U+0085 ends a line of YAML"),
        (BLOCK.replace("id: F-ONE", 'id: "\\ud800"'), 7, "half of a surrogate pair"),
    ],
)
def test_an_attempt_at_a_block_that_is_none_is_refused_at_its_line(text, line, expected) -> None:
    with pytest.raises(GovernanceError) as error:
        read_governance(files(FRONT + text))
    assert expected in error.value.message
    assert (error.value.file, error.value.line) == ("factory_rules.md", line)


@pytest.mark.parametrize(
    "front",
    [
        "--\nschema: 1\n--\n",
        "\n---\nschema: 1\n---\n",
        " schema: 1\n",
        "<!--\n---\nschema: 1\n---\n-->\n",
    ],
)
def test_front_matter_that_is_none_is_refused_and_its_default_is_not_lost(front) -> None:
    with pytest.raises(GovernanceError, match="front matter"):
        read_governance(files(front + "# Prose alone\n"))


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        (f"## Before\n<!--\n{OTHER}-->\n{BLOCK}", 9, "F-TWO stands in HTML and binds nothing"),
        (
            OTHER.replace("```yaml rule\n", "").replace("```\n", "") + BLOCK,
            6,
            "`id: F-TWO` stands in prose and binds nothing",
        ),
        (
            OTHER.replace("```yaml rule\n", "").replace("```\n", "").replace("id:", "- id:")
            + BLOCK,
            6,
            "`id: F-TWO` stands in",
        ),
    ],
)
def test_what_looks_like_a_rule_and_is_left_out_is_reported(text, line, expected) -> None:
    reported = [
        (finding.line, finding.message)
        for finding in lint(read_governance(files(FRONT + text)))
        if finding.code == "left-out"
    ]
    assert reported[0][0] == line
    assert expected in reported[0][1]


@pytest.mark.parametrize(
    "sample",
    [
        "````markdown\n```yaml rule\nid: F-ONE\n```\n````\n",
        "~~~\n```yaml rule\nid: F-ONE\n```\n~~~\n",
        "```md\nid: F-ONE\n```\n",
        "```yaml\nname: x\n```\n",
        "```ruby\nputs 1\n```\n",
        "```sh\ngit log\n```\n",
        "    indented code\n",
        "<details>\n<summary>More</summary>\n</details>\n",
        "<!-- a note -->\n",
        "`rule` and ``scope`` are words.\n",
    ],
)
def test_a_sample_is_left_alone(sample) -> None:
    policy = read_governance(
        files(FRONT + BLOCK + "## How to write one\n\n" + sample + "\n## End\n")
    )
    assert [finding.code for finding in lint(policy)] == []
    assert [rule.id for rule in policy.rules if not rule.built_in] == ["F-ONE"]


SCRAPS = st.sampled_from(
    [
        "`",
        "``",
        "```",
        "~~~",
        "```yaml rule\n",
        "```yaml scope\n",
        "\n",
        "\n\n",
        " ",
        "    ",
        "\t",
        "> ",
        "- ",
        "1. ",
        "<!--",
        "-->",
        "<div>\n",
        "<pre>",
        "</pre>",
        "#",
        "## X {#F-X}\n",
        "---\n",
        "...\n",
        "id: F-ONE\n",
        "&a ",
        "*a",
        "!!str ",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "'",
        '"',
        "\\",
        "|",
        "?",
        "%YAML 1.1\n",
        "\r",
        "\0",
        "\ufeff",
        "\u200b",
        "\u2028",
        "\u0085",
        "\ud7ff",
        "\U0001d426",
        "9" * 30,
    ]
)
TEXTS = st.sampled_from(
    [
        FRONT + BLOCK,
        FRONT + OTHER + "## Prose\nSee F-ONE.\n" + BLOCK,
        OURS["factory_rules.md"][:2500],
    ]
)


@st.composite
def mutated(draw, texts=TEXTS):
    """A governance text with a few cuts, doublings and scraps, of letters and of lines."""
    lines = draw(texts).split("\n")
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        lines[at : at + 1] = draw(
            st.sampled_from(
                [[], [lines[at]] * 2, [f"    {lines[at]}"], ["", lines[at]], [f"<!-- {lines[at]}"]]
            )
        )
        lines = lines or [""]
    text = "\n".join(lines)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 12)))
        text = draw(
            st.sampled_from(
                [
                    text[:at] + text[end:],
                    text[:end] + text[at:],
                    text[:at] + draw(SCRAPS) + text[at:],
                    text[:at] + draw(SCRAPS) + text[end:],
                ]
            )
        )
    return text


FUZZ = settings(
    max_examples=share(500),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@FUZZ
@given(mutated())
def test_a_rule_that_was_stated_is_bound_refused_or_reported(text) -> None:
    """Every id that stands at the start of a line is spoken of, unless the line is in a sample that
    is plainly one."""
    began = time.process_time()
    spoken = spoken_of(text)
    assert time.process_time() - began < 1 + MEASURED_BY_SIZE * len(text)
    if spoken is not None and "````" not in text and "~~~" not in text:
        assert set(STATED.findall(text.replace("\r", "\n"))) <= spoken


@settings(FUZZ, max_examples=share(60))
@given(st.sampled_from(sorted(OURS)), st.data())
def test_our_own_files_mutated_are_read_or_refused_at_a_place_and_the_context_has_them(
    name, data
) -> None:
    text = data.draw(mutated(st.just(OURS[name])))
    policy = read_or_refused(
        {**{key: value.encode() for key, value in OURS.items()}, name: text.encode()}, at=OURS
    )
    if policy is not None:
        lint(policy)
        assert text in context(policy)


@settings(max_examples=share(100), deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw) -> None:
    given = {
        "mission.md": raw,
        "factory_rules.md": b"x",
        "CLAUDE.md": CODE,
        "a/factory_rules.md": raw,
    }
    policy = read_or_refused(given, at=given)
    if policy is not None:
        assert [document.text.encode() for document in policy.documents] == [raw, b"x", CODE, raw]


def tree(node):
    """A node's tags, values and lines."""
    if isinstance(node, yaml.ScalarNode):
        return node.tag, node.value, node.start_mark.line
    inner = (
        node.value
        if isinstance(node, yaml.SequenceNode)
        else [part for pair in node.value for part in pair]
    )
    return node.start_mark.line, [tree(part) for part in inner]


@FUZZ
@given(mutated(st.just(BLOCK.split("```")[1].removeprefix("yaml rule\n"))))
def test_the_quick_parser_reads_what_the_slow_one_reads_or_leaves_it_to_it(text) -> None:
    """No rule depends on whether a machine has libyaml."""

    def read(parse):
        try:
            return tree(parse()) if text.strip() else None
        except (yaml.YAMLError, AttributeError):
            return None

    assert read(lambda: compose(text)) == read(lambda: yaml.compose(text, StrictLoader))


@pytest.mark.parametrize(
    "hostile",
    [
        "[" * 60_000,
        ">" * 60_000,
        "- " * 30_000,
        "<!--" * 15_000,
        "`" * 60_000,
        "*a " * 20_000,
        "# " * 30_000,
        "[a](" * 15_000,
        "```yaml rule\nid: [" + "[" * 50_000,
        "```yaml rule\n" + "a: {" * 15_000 + "\n```\n",
        "id: F-X\n" * 8_000,
        "\n" * 60_000,
        "```yaml rule\n" + "- &a [*a]\n" * 6_000 + "```\n",
        "<a " * 20_000,
        "{#F-" * 15_000,
    ],
)
def test_no_text_of_sixty_kilobytes_takes_long(hostile) -> None:
    began = time.process_time()
    spoken_of(FRONT + BLOCK + "## X {#F-X}\n" + hostile)
    assert time.process_time() - began < 5
