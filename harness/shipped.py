"""The folders that come with the program and are not code: our workflows, the example and its
recordings."""

from pathlib import Path


def shipped(name: str) -> Path:
    """The folder `name`: inside the package where a wheel was installed, beside it in a checkout
    (see setup.py)."""
    package = Path(__file__).resolve().parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name
