"""Where the real things are named, once. Everything else takes what it needs as an argument."""

from harness.wiring.open import Archive, Works, open_archive, open_factory, open_ledger

__all__ = ["Archive", "Works", "open_archive", "open_factory", "open_ledger"]
