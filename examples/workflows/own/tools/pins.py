"""Brings requirements.txt to the versions of approved.txt, and prints what changed."""

import json
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]


def pins(name: str) -> dict[str, str]:
    lines = (HERE / name).read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if line)


old, approved = pins("requirements.txt"), pins("approved.txt")
new = {package: approved.get(package, version) for package, version in old.items()}
text = "".join(f"{package}=={version}\n" for package, version in new.items())
(HERE / "requirements.txt").write_text(text, "utf-8")
changed = [f"{one} {old[one]} becomes {new[one]}" for one in new if new[one] != old[one]]
print(json.dumps({"report": "\n".join(changed)}))
