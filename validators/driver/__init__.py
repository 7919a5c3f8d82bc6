"""The driver, a program in a sandbox: it reads a plan and writes evidence. It knows journeys and
one app for each run, and nothing else."""
