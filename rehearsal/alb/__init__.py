"""What an Application Load Balancer does, part by part; `rehearsal.balancer` puts them together."""
