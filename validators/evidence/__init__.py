"""Evidence of a judgement: copying its files, the Merkle root over them, and the page that shows
them."""
