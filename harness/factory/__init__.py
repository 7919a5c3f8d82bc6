"""The pipeline: issues in, validated changes out. `pipeline/tick.py` is the plot."""
