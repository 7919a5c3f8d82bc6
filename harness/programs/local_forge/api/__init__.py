"""The REST API: GitHub's v3, the part that is used here."""
