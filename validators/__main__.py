"""`python -m validators`: the sealed judge."""

from validators.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
