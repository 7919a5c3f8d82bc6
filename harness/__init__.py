"""lights-out-factory: issues go in, validated code comes out, and nobody is at the keyboard."""

__version__ = "0.1.0"
