"""What this machine can hold, as a document for programs and as text for people."""

from typing import Any

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Form, SandboxForm
from harness.programs.sandbox import forms
from harness.programs.sandbox.browser import browser_path
from harness.programs.sandbox.walls import bubblewrap


def report() -> dict[str, Any]:
    """`{chosen, forms: [{form, works, why, unheld}], browser, visible}`.

    `visible` are the host folders that every sandbox can read. Raises SandboxError when nobody can
    tell now which form is the best.
    """
    shown = [_shown(form) for form in Form]
    return {
        "chosen": str(forms.best()),
        "forms": [
            {"form": str(one.form), "works": one.works, "why": one.why, "unheld": list(one.unheld)}
            for one in shown
        ],
        "browser": browser_path(),
        "visible": list(bubblewrap.always_visible()),
    }


def _shown(form: Form) -> SandboxForm:
    try:
        return forms.probed(form)
    except SandboxError as error:
        return SandboxForm(form, False, str(error), ())


def text_of(found: dict[str, Any]) -> str:
    """The report for a person."""
    lines = [f"sandboxes here are {found['chosen']}"]
    for one in found["forms"]:
        lines.append(f"  {one['form']:<13} {'works' if one['works'] else 'no: ' + one['why']}")
        lines += [f"    does not hold {text}" for text in one["unheld"] if one["works"]]
    lines.append(f"  browser       {found['browser'] or 'none found'}")
    return "\n".join(lines)
