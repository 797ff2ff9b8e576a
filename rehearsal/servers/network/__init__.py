"""What a server reaches: the package archive, AWS's bucket, a log receiver."""
