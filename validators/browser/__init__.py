"""Chromium through Playwright, behind `validators.ports.browser`: masking, the wire, the saboteur,
what is kept."""
