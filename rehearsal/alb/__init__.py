"""What an Application Load Balancer does, part by part; `rehearsal.alb.balancer` puts them together."""
