"""The half of the judge outside of sandboxes: it starts them, folds the evidence that they leave,
and signs."""
