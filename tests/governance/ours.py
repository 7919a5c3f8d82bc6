"""The three files at the top of this repository, read once for whoever asks."""

from pathlib import Path

from harness.governance import governance_in

ROOT = Path(__file__).parents[2]
OURS = governance_in(ROOT)
