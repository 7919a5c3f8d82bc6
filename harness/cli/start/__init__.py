"""The first commands of a new user: demo, init, doctor, drill, try, connect."""
