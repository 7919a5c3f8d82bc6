"""What a run works with: its services, the policy at its base, its node, and its effects."""
