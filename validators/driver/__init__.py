"""The boxed driver: a plan in, evidence out. It knows journeys and one app per run, and nothing
else."""
