"""Judge a change: perform the sealed journeys, fold the evidence, sign the verdict, publish what
may leave the store."""
