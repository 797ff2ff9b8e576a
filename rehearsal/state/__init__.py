"""What the local cloud records beyond moto: shared by its control plane, its balancer and its groups."""
