"""The only way from a browser to the app: a relay that can also inject faults."""
