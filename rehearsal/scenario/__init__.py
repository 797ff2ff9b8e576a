"""What runs on a cloud: the scenario, its load, the watch over the invariants, and the report."""
