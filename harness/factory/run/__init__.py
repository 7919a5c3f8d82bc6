"""What a run works with: its services, the policy at its base, the node it is at, and the effects
it may have."""
