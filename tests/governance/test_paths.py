"""Globs and look-alikes. The reference matcher here is the definition, slow and plain."""

from functools import lru_cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.governance.built_in import PROTECTED
from harness.governance.checks.paths import PathNames
from harness.governance.paths import glob_fault, matches, resembles, skeleton
from harness.governance.tool_configs import AS_OF, TOOL_CONFIGS, age_of_list
from tests.governance.policy_texts import touching

LOOK_ALIKES = [
    "factory_rules.md",
    "FACTORY_RULES.MD",
    "F\u0410CTORY_RULES.md",
    "f\u0430ctory_rules.md",
    "\uff23\uff2c\uff21\uff35\uff24\uff25.md",
    "CLAUDE.md.",
    "CLAUDE.md ",
    "CLAUD\u200bE.md",
    "C\u0301LAUDE.md",
    "mlssion.md",
    "MISSI0N.md",
    "m\u0456ssion.md",
    "\u202eCLAUDE.md",
    "docs/Mission.md",
    "a/b/AGENTS.md",
    ".claude/settings.json",
    "x/.claude/agents/a.md",
    ".mcp.json",
    "x/.cursorrules",
    ".github/workflows/ci.yml",
    "sub/.GITHUB/x",
    ".g\u0456thub/x",
    ".gitattributes",
    "a/.gitattributes",
    ".gitmodules",
    ".env",
    ".env.local",
    "x/.ENV",
    ".envrc",
    "factory_rule\u017f.md",
    "factory\ufe0f_rules.md",
    "mission.\U0001d426d",
    "factory.toml",
    "FACTORY.toml",
    "workflows/validate.yaml",
    "workflows/prompts/triage.md.j2",
    "Workflows/merge.yaml",
    "w\u043erkflows/merge.yaml",
]
OF_TOOLS = [
    "AGENTS.override.md",
    "pkg/AGENTS.local.md",
    "CLAUDE.local.md",
    "GEMINI.md",
    ".gemini/settings.json",
    ".cursor/rules/x.mdc",
    ".cursor/mcp.json",
    ".windsurf/rules/a.md",
    ".windsurfrules",
    ".vscode/tasks.json",
    ".vscode/settings.json",
    "opencode.json",
    "opencode.jsonc",
    ".opencode/agent/a.md",
    ".codex/config.toml",
    ".agents/skills/x/SKILL.md",
    ".clinerules",
    ".clinerules/a.md",
    ".roo/rules/a.md",
    ".roomodes",
    ".kiro/steering/a.md",
    ".husky/pre-commit",
    ".devcontainer/devcontainer.json",
    ".devcontainer.json",
    ".gitlab-ci.yml",
    ".pre-commit-config.yaml",
    "Makefile",
    "sub/GNUmakefile",
    ".aider.conf.yml",
    ".continue/config.yaml",
    ".junie/guidelines.md",
    ".amazonq/rules/a.md",
    ".claude-plugin/plugin.json",
    ".npmrc",
    "web/.yarnrc.yml",
    ".pnpmfile.cjs",
    "tox.ini",
    "sub/tox.toml",
    "Rakefile",
    ".lfsconfig",
    "docs/CODEOWNERS",
    "Jenkinsfile",
    "renovate.json5",
    ".mergify.yml",
    ".idea/x.xml",
    "proj.code-workspace",
    ".dir-locals.el",
    ".circleci/config.yml",
    "azure-pipelines-1.yml",
    "justfile",
    ".goosehints",
    ".rules",
    "replit.md",
    ".cargo/config.toml",
    ".tool-versions",
    ".mise.toml",
    "sitecustomize.py",
    "lefthook.yaml",
    ".lintstagedrc.json",
]
INNOCENT = [
    "notes.md",
    "src/claude.py",
    "docs/missions.md",
    "github/x",
    "env",
    "src/environment.py",
    "agents.py",
    ".gitignore",
    "rules/factory.md",
    "src/cursor.py",
    "agents/a.py",
    "docs/makefiles.md",
    "vscode/x",
    "Makefile.py",
    "pyproject.toml",
    "package.json",
    "Dockerfile",
    "rules",
    "src/mcp.py",
    "docs/agents-of-change.md",
    "cargo/a",
    "src/workflows/run.py",
    "examples/factory.toml",
    "docs/workflows.md",
]


@pytest.mark.parametrize("path", LOOK_ALIKES)
def test_what_steers_the_factory_is_recognised_under_any_look_alike_name(path) -> None:
    assert resembles(PROTECTED, path.encode())


@pytest.mark.parametrize("path", OF_TOOLS)
def test_what_agents_and_tools_obey_is_for_a_person_wherever_it_lies(path) -> None:
    assert resembles(PROTECTED, path.encode())
    assert resembles(PROTECTED, f"deep/below/{path.swapcase()}".encode())


@pytest.mark.parametrize(
    ("years", "more", "is_old"), [(0, "", False), (1, "", False), (1, "+", True), (4, "", True)]
)
def test_a_list_of_tools_that_nobody_looked_at_for_a_year_is_reported(years, more, is_old) -> None:
    assert bool(age_of_list(f"{int(AS_OF[:4]) + years}{AS_OF[4:]}{more}")) is is_old
    assert all(glob_fault(pattern) is None for pattern in TOOL_CONFIGS)


@pytest.mark.parametrize("path", INNOCENT)
def test_an_innocent_name_is_left_alone(path) -> None:
    assert not resembles(PROTECTED, path.encode())


@pytest.mark.parametrize(
    "name",
    [
        "CLAUDE~1.MD",
        "a/GI7EBA~1/x",
        "git~1/config",
        "MAKEF~12",
        "nul",
        "src/Aux.py",
        "COM1.txt.bak",
        "lpt\u00b9",
        "con .md",
        "CONIN$",
        "a:b",
        ".git::$INDEX_ALLOCATION/config",
        "a\\b",
        "a?",
        "a*",
        "a|b",
        "CLAUDE.md.",
        "CLAUDE.md ",
        ".g\u200cit/config",
        "CLAUDE\u034f.md",
        "a\u3164.md",
        "a\ufe0f.md",
        "cafe\u0301",
        "\u212aelvin.md",
        "a/./b",
        "...",
    ],
)
def test_a_name_that_windows_or_macos_reads_otherwise_is_refused(name) -> None:
    assert PathNames().answer(touching(name)).passed is False


@pytest.mark.parametrize(
    "name",
    [
        "a~b.py",
        "notes~.txt",
        "file~1.json",
        "verylongname~1.md",
        "console.py",
        "com10",
        "com",
        "auxiliary/x",
        "[id].tsx",
        "caf\u00e9",
        ".hidden",
        "a b.md",
        "null",
        "prn-2.txt",
        "\u4e88\u5b9a.md",
    ],
)
def test_a_name_that_every_system_reads_alike_is_not(name) -> None:
    assert PathNames().answer(touching(name)).passed is True


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.lock", "a/b/uv.lock", True),
        ("*.lock", "uv.lock.py", False),
        ("/a", "a/b", True),
        ("/a", "b/a", False),
        ("a/b", "x/a/b", False),
        ("a/b", "a/b/c/d", True),
        ("a/*", "a/b", True),
        ("a/*/c", "a/b/x/c", False),
        ("a/**/c", "a/c", True),
        ("a/**/c", "a/b/x/c", True),
        ("a/**", "a", False),
        ("a/**", "a/b", True),
        ("**", "anything/at/all", True),
        ("**/x/**", "a/x/b", True),
        ("**/x/**", "a/x", False),
        ("?.py", "a.py", True),
        ("?.py", "ab.py", False),
        ("a?b", "a/b", False),
        ("[id].tsx", "pages/[id].tsx", True),
        ("[id].tsx", "pages/i.tsx", False),
        ("a.b", "aXb", False),
        ("*a*b*", "xaxbx", True),
        ("*a*b*", "xbxax", False),
        ("**/a/**/b", "a/x/a/y/b", True),
        (".env*", "x/.env.local/deep", True),
    ],
)
def test_a_glob_matches_what_it_describes(pattern, path, expected) -> None:
    assert matches((pattern,), path.encode()) is expected


def reference(pattern: str, path: str) -> bool:
    """The definition: try everything."""
    segments = tuple(pattern.strip("/").split("/"))
    if len(segments) == 1 and not pattern.startswith("/"):
        segments = ("**", *segments)
    parts = tuple(path.split("/"))
    if segments[-1] == "**":
        return any(_whole(segments[:-1], parts[:end]) for end in range(len(parts)))
    return any(_whole(segments, parts[:end]) for end in range(1, len(parts) + 1))


@lru_cache(maxsize=100_000)
def _whole(segments: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not segments:
        return not parts
    if segments[0] == "**":
        return any(_whole(segments[1:], parts[skip:]) for skip in range(len(parts) + 1))
    return bool(parts) and _one(segments[0], parts[0]) and _whole(segments[1:], parts[1:])


@lru_cache(maxsize=100_000)
def _one(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(_one(pattern[1:], text[skip:]) for skip in range(len(text) + 1))
    return bool(text) and pattern[0] in (text[0], "?") and _one(pattern[1:], text[1:])


SEGMENT = st.text(alphabet="ab*?", min_size=1, max_size=5).filter(lambda text: "**" not in text)
PATTERN = st.builds(
    lambda root, segments: root + "/".join(segments),
    st.sampled_from(("", "/")),
    st.lists(st.one_of(SEGMENT, st.just("**")), min_size=1, max_size=5),
)
PATH = st.lists(st.text(alphabet="ab", min_size=1, max_size=4), min_size=1, max_size=5).map(
    "/".join
)


@given(PATTERN, PATH)
@example("**/a/**/b/*a", "a/b/a/b/ba")
@example("a/**/**/b", "a/b")
def test_the_matcher_agrees_with_its_definition(pattern, path) -> None:
    assert glob_fault(pattern) is None
    assert matches((pattern,), path.encode()) is reference(pattern, path)


@given(st.text(max_size=60), st.binary(max_size=60))
def test_a_glob_is_refused_or_matches_without_an_error(pattern, path) -> None:
    if glob_fault(pattern) is None:
        assert matches((pattern,), path) in (True, False)
        assert resembles((pattern,), path) in (True, False)


@given(st.text(max_size=80))
def test_a_skeleton_has_itself_for_a_skeleton(path) -> None:
    assert skeleton(skeleton(path)) == skeleton(path)


def test_a_path_made_to_be_slow_is_not() -> None:
    hostile = b"a" * 4000 + b"/a" * 2000 + b"/b"
    assert not matches(("**/a*a*a*a*a*a*c/**/a/**/a/**/c",), hostile)
    assert not resembles(("*a*a*a*a*a*a*a*a*a*c",), hostile)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "empty"),
        ("/", "empty"),
        ("!a", "negated"),
        ("a\\b", "backslashes"),
        ("a\x07", "control"),
        ("a//b", "empty"),
        ("../a", "segment"),
        ("a/./b", "segment"),
        ("a**", "whole folders"),
        ("/".join("a" * 40), "at most"),
    ],
)
def test_a_glob_that_we_do_not_match_is_refused_with_the_reason(pattern, message) -> None:
    assert message in (glob_fault(pattern) or "")
