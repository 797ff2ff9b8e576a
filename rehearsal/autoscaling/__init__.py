"""What EC2 Auto Scaling does with a group, part by part."""
