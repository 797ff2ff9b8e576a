"""What an update runs on the way, one small program each: bake, verify, promote, guard, retire, clear, prune.

`sh steps/run NAME --help` tells what each does. They use boto3 and never Pulumi, so each can be run by hand.
"""
