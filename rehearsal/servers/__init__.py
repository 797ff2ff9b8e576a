"""What runs as an instance: a process of this machine, or a booted operating system in a container of its own."""
