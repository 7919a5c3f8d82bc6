"""What is kept of a judgement: the Merkle root over its files, and the page that shows them."""
