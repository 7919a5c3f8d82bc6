"""The stages of the pipeline, one file each: triage, plan, implement, review, validate, merge,
revert, and the watch after a landing."""
