"""How long AWS and the steps take where the plan counts with it too, in seconds."""

from __future__ import annotations

# How long the addresses of a load balancer may take to follow new weights.
FOLLOW_SECONDS = 120.0
# How long answers through the preview rule are waited for, before any traffic moves.
PROVE_SECONDS = 120.0
# How long a group's servers are waited for, before traffic moves.
HEALTHY_SECONDS = 600.0
# An alarm needs a few periods of its metric to leave ALARM again.
ALARM_CLEARS_SECONDS = 300.0
# From a change of weights until the first whole minute after it is published: at once or a minute until one begins, a
# minute until it has passed, and one or two more until CloudWatch shows it.
SOONEST_METRICS_SECONDS, LATEST_METRICS_SECONDS = 120, 240
# A while after that, a minute is not late any more, but missing.
MISSING_METRICS_SECONDS = 300.0
