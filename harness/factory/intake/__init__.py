"""What comes in: new and changed issues, comment commands, expired questions, and the queue before
triage."""
