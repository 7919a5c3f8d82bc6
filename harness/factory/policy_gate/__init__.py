"""What is asked before a change may go on: rules, judged rules, scripts, CI, and edits of the
rules."""
