"""A project's locked packages as a folder that sandboxes bind read-only: `ecosystems` has the table
of what is known, `layer` what holds for all."""
