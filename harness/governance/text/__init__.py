"""A stranger's text: what a page shows of it, what it hid, which other text it is like."""
