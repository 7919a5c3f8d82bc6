"""Commands that do the work: up, tick, triage, run, validate, plan."""
