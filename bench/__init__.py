"""Measurements: each file runs alone, prints its figures, and says what they are beside; `python -m bench` is all."""
