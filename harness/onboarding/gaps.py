"""What a survey did not find, and what each gap means for a factory there."""

from collections.abc import Iterator

from harness.onboarding.evidence.test_commands import HINTS
from harness.onboarding.survey import Product, ServerStart, Survey

SHOWN = 3


def gaps_of(survey: Survey) -> tuple[str, ...]:
    """Each gap as one line: what is missing, the consequence, the next step."""
    return (
        *map(_refusal, _refused(survey)),
        *_on_start(survey),
        *_on_services(survey),
        *_on_tests(survey),
        *_on_locks(survey),
        *_on_files(survey),
    )


def _refused(survey: Survey) -> Iterator[ServerStart]:
    """The daemons to name. Where a start command was found, a way to install a container of the
    product is none of its own."""
    for daemon in survey.daemons:
        if daemon.instead or survey.start is None:
            yield daemon


def _refusal(daemon: ServerStart) -> str:
    instead = (
        f"use its foreground form `{daemon.instead}`"
        if daemon.instead
        else "a sandbox needs a command that stays in the foreground"
    )
    return (
        f"`{daemon.command}` ({daemon.because.place}) daemonises: it returns before the app"
        f" answers, and is refused; {instead}"
    )


def _on_start(survey: Survey) -> Iterator[str]:
    start = survey.start
    if start is None:
        if not survey.commands:
            yield (
                "no start command: without one the sealed validator cannot open the app, so no"
                " change merges by itself; name it in factory.toml as `[app] start`, or name the"
                " `commands` that journeys run"
            )
        return
    if start.needs and start.needs not in survey.dependencies:
        yield (
            f"no {start.needs} in any manifest, and the start command needs it: add it, and lock"
            " again"
        )
    if not start.reads_port:
        yield (
            f"no variable for the port: {start.because}, and nothing here reads ${start.port_env};"
            " read the port from a variable, and name it as `[app] port_env`"
        )
    if survey.data.fixed:
        yield (
            f"no variable for the data: {survey.data.fixed}, and in a sandbox the code cannot be"
            " written to; let a variable name a folder, and `[app] data` name that variable"
        )


def _on_services(survey: Survey) -> Iterator[str]:
    # A library names the drivers of all that it can work with, and needs none of them.
    for one in survey.services if survey.product is not Product.LIBRARY else ():
        if one.draft is None:
            yield (
                f"no {one.kind} beside the app: {one.because[0]}, which alone does not show that"
                " the app needs it; if it does, name it as `[[services]]` (docs/maintainer.md,"
                " Services)"
            )


def _on_tests(survey: Survey) -> Iterator[str]:
    if survey.suite is None:
        yield (
            "no tests: the rule that tests are kept is drafted in shadow, and only the sealed"
            " validator stands between a change and the default branch"
        )
    elif not survey.suite.command:
        yield (
            f"no JUnit report: {survey.suite.because}, which writes none by itself; give `[tests]"
            f" command` one that does{_such_as(survey.suite.runner)}, and let the rule that tests"
            " are kept bind"
        )


def _such_as(runner: str) -> str:
    return f", such as {HINTS[runner]}" if runner in HINTS else ""


def _on_locks(survey: Survey) -> Iterator[str]:
    # Nothing is depended on, or by a manager that no sandbox is furnished from.
    if survey.lock is None and survey.packages and not survey.vendored:
        file = survey.packages[0].because.file
        count = sum(package.because.file == file for package in survey.packages)
        yield (
            f"no lock that sandboxes are furnished from: {file} names {count} packages, such as"
            f" {survey.packages[0].name}, and only locks of Python and Node.js, vendored Go and"
            " vendored Cargo are read; commit the packages themselves, or install them on the"
            " machine, below /usr, where sandboxes see them"
        )
    for lock in (survey.lock, survey.tests_lock):
        if lock and lock.make:
            yield (
                f"no hash-locked {lock.path}: {lock.because}, and sandboxes install nothing else;"
                f" make it with `{lock.make}`, and commit it"
            )
    needs = survey.suite.needs if survey.suite else ""
    if needs and needs not in survey.dependencies:
        inputs = (
            "requirements.txt requirements-dev.in"
            if "requirements.txt" in survey.present
            else "requirements-dev.in"
        )
        yield (
            f"no {needs} in any manifest, and the tests need it: put it in requirements-dev.in,"
            f" then `uv pip compile --generate-hashes {inputs} -o requirements-dev.lock`, and name"
            " that file as `[dependencies] tests`"
        )


def _on_files(survey: Survey) -> Iterator[str]:
    counted = (
        (
            survey.submodules,
            "submodules",
            "a sandbox sees an empty folder there, and no change may touch it",
        ),
        (survey.lfs, "Git LFS pointers", "a sandbox sees the pointer, not the file behind it"),
        (
            survey.links_out,
            "links that lead out",
            "they were not followed, and a sandbox lacks what they point to",
        ),
        (
            survey.unreadable,
            "tracked files that cannot be read",
            "they were left out of the survey",
        ),
        (
            survey.odd_names,
            "names that are not plain UTF-8",
            "they were left out, and no change may add such a name",
        ),
    )
    for names, what, means in counted:
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            yield f"{what}: {', '.join(names[:SHOWN])}{more}; {means}"
    if not survey.readme and survey.product is not Product.DOCUMENTS:
        yield (
            "no README: what the product is stands in mission.md as its name alone; write a"
            " sentence there"
        )
