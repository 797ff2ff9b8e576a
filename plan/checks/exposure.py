"""What of a stack is open to others: what AWS would refuse half-way of what shuts it, and what is left open. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import Problem, problem
from plan.config.egress import EVERYWHERE, HTTPS, reaches_https
from plan.config.settings import TLS_POLICY, Settings
from plan.readers.account_limits import AccountLimits

OLD_TLS = {"SSLv3", "TLSv1", "TLSv1.1"}  # RFC 8996


def problems(s: Settings, limits: AccountLimits) -> Iterator[Problem]:
    """What a load balancer of the program's own would not take."""
    if limits.tls_versions == ():
        yield problem(
            "PHX-354",
            "tlsPolicy",
            s.tls_policy,
            f"must be a security policy that load balancers in {s.region} have; there is none such",
            f"aws elbv2 describe-ssl-policies --region {s.region} --load-balancer-type application --query"
            f" 'SslPolicies[].Name', and pulumi config set tlsPolicy NAME   (by default {TLS_POLICY})",
        )
    if limits.web_acl is False:
        yield problem(
            "PHX-355",
            "webAclArn",
            s.web_acl_arn,
            f"must be a web ACL of this account in {s.region}; there is none such",
            f"aws wafv2 list-web-acls --scope REGIONAL --region {s.region}, and pulumi config set webAclArn ITS-ARN",
        )


def warning(s: Settings) -> Iterator[str]:
    """Lines for the plan."""
    if not reaches_https(s.allowed_egress):
        yield (
            f"servers have no way out to port {HTTPS} (allowedEgress): Systems Manager does not reach them, so nobody"
            " has a shell on one, and no drift report says what was changed by hand"
        )
    if s.internal:
        yield (
            "the load balancer is internal: verify and promote probe it from where this update runs, which must reach"
            " it (a runner in the VPC, a VPN)"
        )


def left_open(s: Settings, limits: AccountLimits, *, front: bool) -> Iterator[str]:
    """What the settings leave open, each with its key. `front`: they speak of the load balancer."""
    if EVERYWHERE in s.allowed_egress:
        yield "servers may go anywhere (allowedEgress)"
    target = str(s.packer_variables.get("log_target", ""))
    if target and not target.startswith(("tls://", "127.", "localhost:")):
        yield "logs leave servers in clear text (packerVariables.log_target; tls:// is the other way)"
    if not s.image_signing_key:
        yield "images are trusted by their tags, which whoever may tag them writes (imageSigningKey)"
    if not front:
        return
    if not s.kept_days:
        yield "nothing writes down who came (logDays)"
    if s.is_https and (old := sorted(OLD_TLS & set(limits.tls_versions or ()))):
        yield f"{', '.join(old)} by the security policy (tlsPolicy)"
    if s.is_https and not s.hsts:
        yield "browsers may come back by HTTP (hstsSeconds)"
    if not s.web_acl_arn and not s.internal:
        yield "no web ACL judges requests (webAclArn)"
