"""Who takes part in `benchmarks/serving.py`: each embeds texts, and tells how long."""
