"""The files of an example that docs/workflows.md teaches by."""

from pathlib import Path

from tests.fakes.people import KEY

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "workflows"


def files_of(name: str) -> dict[str, bytes]:
    folder = EXAMPLES / name
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return {
        **found,
        "factory.toml": found["factory.toml"].replace(
            b"trusted_keys = []", f'trusted_keys = ["{KEY}"]'.encode()
        ),
    }
