"""A stand-in for the `pulumi` command, for machines that have none. It is not Pulumi, and says so."""
