"""Experiments for other tools, one file a tool; `exporter.py` is what each of them offers."""
