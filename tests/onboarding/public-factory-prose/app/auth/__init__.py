"""Who may see which lecture."""
