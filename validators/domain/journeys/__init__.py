"""A journey as values: steps, looks, targets, texts and the data it has at stake."""
