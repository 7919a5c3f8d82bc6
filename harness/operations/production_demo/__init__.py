"""`factory demo --production`: what happens to changes after they have landed, in the example."""
