"""Root file systems that an operator names by digest: `root` prepares one, `sources` read it, and
`tree` writes what they give."""
