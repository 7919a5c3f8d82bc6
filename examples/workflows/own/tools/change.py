"""Fails where a change is told of in more than one line."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]

lines = (HERE / "changes" / os.environ["CHANGE"]).read_text("utf-8").splitlines()
sys.exit(0 if len(lines) == 1 else f"{os.environ['CHANGE']} has {len(lines)} lines")
