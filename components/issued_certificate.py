"""A certificate of ACM that is made with the stack: the hosted zone's records prove whose the name is."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

# ACM sees a record within minutes, and says that it may take 30 (ACM user guide, "Troubleshoot DNS validation
# problems"); an update that waited for longer waits for a zone that nobody asks.
VALIDATION_MINUTES = 30
TTL_SECONDS = 60


class IssuedCertificate(pulumi.ComponentResource):
    """A certificate for one `hostname`, validated and renewed by a record in the hosted zone `zone_id`.

    `validated`: the zone has that record yet, somebody else's: it is alike for all certificates of an account for a
    name, so it is neither made nor deleted. `tags`, among them `phoenix:stack`.

    Outputs: `arn`, once the certificate is issued.
    """

    def __init__(
        self,
        name: str,
        *,
        hostname: str,
        zone_id: str,
        validated: bool = False,
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:IssuedCertificate", name, {"hostname": hostname}, opts)
        certificate = aws.acm.Certificate(
            f"{name}-certificate",
            domain_name=hostname,
            validation_method="DNS",
            tags={**tags, "Name": f"{name}-certificate"},
            opts=pulumi.ResourceOptions(parent=self),
        )
        proof = None if validated else self._proof(name, certificate, zone_id)
        issued = aws.acm.CertificateValidation(
            f"{name}-issued",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[proof.fqdn] if proof else None,
            opts=pulumi.ResourceOptions(
                parent=self,
                custom_timeouts=pulumi.CustomTimeouts(create=f"{VALIDATION_MINUTES}m"),
                # Whose the record is changes nothing of what was proved by it.
                ignore_changes=["validationRecordFqdns"],
            ),
        )
        self.arn: pulumi.Output[str] = issued.certificate_arn
        self.register_outputs({"arn": self.arn})

    def _proof(self, name: str, certificate: aws.acm.Certificate, zone_id: str) -> aws.route53.Record:
        asked = certificate.domain_validation_options[0]
        return aws.route53.Record(
            f"{name}-validation",
            zone_id=zone_id,
            name=asked.resource_record_name,
            type=asked.resource_record_type,
            records=[asked.resource_record_value],
            ttl=TTL_SECONDS,
            opts=pulumi.ResourceOptions(parent=self),
        )
