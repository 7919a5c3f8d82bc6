"""After the merge: journeys of landed work on the default branch, who broke one, what follows."""
