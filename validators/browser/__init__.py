"""Chromium through Playwright, behind `validators.ports.browser`: masking, the wire, fault
injection and the evidence of a run."""
