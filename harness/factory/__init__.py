"""The lap: issues in, validated changes out. `tick.py` is the plot; everything else is one of its
steps."""
