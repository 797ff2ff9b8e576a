"""Stickiness of a rule's target groups: a client that keeps cookies stays with the group that answered it first.

Source: "Sticky sessions for your Application Load Balancer" (AWSALBTG and its duration). What AWS encrypts is only
encoded here. A client stays with its group also when that one's weight is 0 or none of its targets is healthy: AWS
promises nothing else, so the rehearsal is not kinder.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie

COOKIE = "AWSALBTG"


def remembered_group(cookies: str, groups: Collection[str], *, now: float) -> str:
    """The target group (ARN) that a request's cookies name, if it is one of the rule's; else empty.

    `now`: seconds since the epoch.
    """
    try:
        jar = SimpleCookie(cookies)
        expires, _, arn = base64.urlsafe_b64decode(jar[COOKIE].value).decode().partition(" ")
        return arn if float(expires) > now and arn in groups else ""
    except (CookieError, KeyError, ValueError, binascii.Error):
        return ""


def cookie_for(group: str, *, seconds: int, now: float) -> str:
    """A value of Set-Cookie that keeps a client with a target group (ARN) for so long after its last request."""
    value = base64.urlsafe_b64encode(f"{now + seconds:.0f} {group}".encode()).decode()
    return f"{COOKIE}={value}; Max-Age={seconds}; Path=/"
