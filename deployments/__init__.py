"""A Pulumi program of its own; see Pulumi.yaml."""
