"""An AWS on this machine, on which the whole story can be told: never imported by the Pulumi program or its steps."""
