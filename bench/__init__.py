"""Measurements: each runs alone, prints its figures, and says what it compares."""
