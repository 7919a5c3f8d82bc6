"""The list of files that agents, editors, hooks and CI obey, wherever they lie. LAW-PROTECTED
denies them.

A change that adds `.cursor/rules/x.mdc` or `.husky/pre-commit` steers whoever opens the checkout
next, and no test sees it. So every such file is for a person. Tools come faster than releases: the
list has a date, and `factory rules lint` reports when it is old. What a project's own tools obey
beyond it belongs in a rule of the project's own."""

AS_OF = "2026-11-26"
"""When somebody last went through the tools of the day. Move it together with the list."""

_AGENTS = (
    "AGENT.md",
    "AGENTS.md",
    "AGENT.*.md",
    "AGENTS.*.md",
    "CLAUDE.*.md",
    "COPILOT.md",
    "CRUSH.md",
    "GEMINI.md",
    "GEMINI.*.md",
    "JULES.md",
    "QWEN.md",
    "WARP.md",
    "replit.md",
    ".agent",
    ".agents",
    ".aider*",
    ".amazonq",
    ".antigravity*",
    ".augment*",
    ".claude*",
    ".cline*",
    ".codebuddy*",
    ".codeium*",
    ".codex*",
    ".continue*",
    ".copilot*",
    ".crush*",
    "crush.json",
    ".cursor*",
    ".devin*",
    ".factory",
    ".gemini*",
    ".goose*",
    ".junie*",
    ".kilocode*",
    ".kiro*",
    ".mcp*",
    "mcp.json",
    ".openhands*",
    ".opencode*",
    "opencode.json*",
    ".pr_agent.toml",
    ".qwen*",
    ".roo*",
    ".rules",
    ".ruler",
    ".rulesync*",
    ".serena",
    ".tabnine*",
    ".trae*",
    ".warp*",
    ".windsurf*",
)
_EDITORS = (
    ".vscode",
    "*.code-workspace",
    ".vs",
    ".idea",
    ".idx",
    ".fleet",
    ".zed",
    ".dir-locals*.el",
    ".exrc",
    ".lvimrc",
    ".nvim.lua",
    ".nvimrc",
    ".vimrc",
    "*.sublime-project",
    ".replit",
    "replit.nix",
)
_HOOKS = (
    ".husky",
    ".githooks",
    ".lfsconfig",
    ".lefthook*",
    "lefthook.y*ml",
    ".lintstagedrc*",
    "lint-staged.config.*",
    ".overcommit.yml",
    ".pre-commit-config.y*ml",
    ".pre-commit-hooks.y*ml",
)
_SHELLS_AND_PACKAGE_MANAGERS = (
    ".devcontainer*",
    ".gitpod*",
    ".mise*",
    "mise.toml",
    ".tool-versions",
    ".bazelrc",
    ".cargo",
    ".condarc",
    ".netrc",
    ".npmrc",
    ".pnpmfile.*",
    ".pypirc",
    ".yarn",
    ".yarnrc*",
    "bunfig.toml",
    "pip.conf",
    "sitecustomize.py",
    "usercustomize.py",
)
_INTEGRATION = (
    ".appveyor.yml",
    "appveyor.yml",
    ".azure-pipelines*",
    "azure-pipelines*",
    ".azuredevops",
    "bitbucket-pipelines.yml",
    ".build.yml",
    ".builds",
    ".buildkite",
    "buildspec.y*ml",
    ".circleci",
    ".cirrus.*",
    "cloudbuild.y*ml",
    "CODEOWNERS",
    ".codecov.yml",
    "codecov.yml",
    ".coderabbit*",
    ".drone.*",
    ".forgejo",
    ".gitea",
    ".gitlab*",
    "Jenkinsfile*",
    ".mergify*",
    "netlify.toml",
    "renovate.json*",
    ".renovaterc*",
    ".semaphore",
    ".sourcery*",
    ".teamcity",
    ".tekton",
    ".travis.yml",
    "vercel.json",
    ".woodpecker*",
)
_TASKS = (
    "Makefile",
    "GNUmakefile",
    "*.mk",
    "Rakefile",
    "justfile",
    ".justfile",
    "Taskfile.y*ml",
    "Taskfile.dist.y*ml",
    "Earthfile",
    "Tiltfile",
    "Vagrantfile",
    "noxfile.py",
    "tox.ini",
    "tox.toml",
)

TOOL_CONFIGS: tuple[str, ...] = (
    *_AGENTS,
    *_EDITORS,
    *_HOOKS,
    *_SHELLS_AND_PACKAGE_MANAGERS,
    *_INTEGRATION,
    *_TASKS,
)
"""As patterns of `paths`: a name without a slash is meant at any depth, with all that is in a
folder of that name."""


def age_of_list(today: str) -> str:
    """What to say of a list that is older than a year; "" of a younger one. `today` is a date as
    YYYY-MM-DD."""
    if today <= f"{int(AS_OF[:4]) + 1}{AS_OF[4:]}":
        return ""
    return (
        f"the list of files that agents and tools obey (LAW-PROTECTED) is of {AS_OF}, more than a"
        " year ago; take a newer release, or deny the files of newer tools in a rule of `paths`"
    )
