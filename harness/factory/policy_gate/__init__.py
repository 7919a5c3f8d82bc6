"""What is asked before a change may go on: the rules, the judged rules, scripts, CI, and edits of
the rules themselves."""
