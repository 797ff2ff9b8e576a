"""Linux namespaces, without a container engine."""
