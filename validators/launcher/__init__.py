"""The unboxed half of the judge: it builds the boxes, folds what they leave behind, and signs."""
