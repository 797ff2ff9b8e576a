"""Records of Route 53, and certificates of ACM that are proved by them."""

from __future__ import annotations

from typing import Any

from rehearsal.engine.standin.aws import Aws, AwsType, pairs
from rehearsal.engine.standin.provider import Call, ProviderError
from rehearsal.engine.standin.values import Properties


class Record(AwsType):
    """`aws:route53/record:Record`, of values or an alias; its id is made of zone, name and type."""

    token = "aws:route53/record:Record"
    replaced_by = frozenset({"zoneId", "name"})
    gone = ("NoSuchHostedZone",)

    def make(self, call: Call, inputs: Properties) -> str:
        self._send("UPSERT" if inputs.get("allowOverwrite") else "CREATE", inputs)
        return f"{inputs['zoneId']}_{inputs['name'].lower()}_{inputs['type']}"

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        name = inputs["name"].rstrip(".").lower()
        found = self.aws.route53.list_resource_record_sets(
            HostedZoneId=inputs["zoneId"], StartRecordName=name, StartRecordType=inputs["type"], MaxItems="1"
        )["ResourceRecordSets"]
        there = any((one["Name"].rstrip("."), one["Type"]) == (name, inputs["type"]) for one in found)
        return {"fqdn": name} if there else None

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self._send("UPSERT", inputs)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self._send("DELETE", outputs)

    def _send(self, action: str, inputs: Properties) -> None:
        record: dict[str, Any] = {"Name": inputs["name"], "Type": inputs["type"]}
        if inputs.get("records"):
            record |= {"TTL": int(inputs["ttl"]), "ResourceRecords": [{"Value": one} for one in inputs["records"]]}
        for one in inputs.get("aliases") or []:
            record["AliasTarget"] = {
                "DNSName": one["name"],
                "HostedZoneId": one["zoneId"],
                "EvaluateTargetHealth": one["evaluateTargetHealth"],
            }
        changes: Any = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        made = self.aws.route53.change_resource_record_sets(HostedZoneId=inputs["zoneId"], ChangeBatch=changes)
        ident = made["ChangeInfo"]["Id"]
        self.aws.wait(
            f"record {inputs['name']}",
            lambda: self.aws.route53.get_change(Id=ident)["ChangeInfo"]["Status"] == "INSYNC",
        )


class Certificate(AwsType):
    """`aws:acm/certificate:Certificate`, one that is asked for."""

    token = "aws:acm/certificate:Certificate"
    replaced_by = frozenset({"domainName", "validationMethod"})
    gone = ("ResourceNotFoundException",)

    def make(self, call: Call, inputs: Properties) -> str:
        return str(
            self.aws.acm.request_certificate(
                DomainName=inputs["domainName"],
                ValidationMethod=inputs["validationMethod"],
                Tags=pairs(inputs["tags"]),
            )["CertificateArn"]
        )

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        found = self.aws.acm.describe_certificate(CertificateArn=ident)["Certificate"]
        if found["Status"] == "VALIDATION_TIMED_OUT":
            return None
        return {
            "arn": ident,
            "status": found["Status"],
            "domainValidationOptions": [
                {
                    "domainName": one["DomainName"],
                    "resourceRecordName": one["ResourceRecord"]["Name"],
                    "resourceRecordType": one["ResourceRecord"]["Type"],
                    "resourceRecordValue": one["ResourceRecord"]["Value"],
                }
                for one in found["DomainValidationOptions"]
            ],
        }

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        if "tags" in changed:
            self.aws.acm.add_tags_to_certificate(CertificateArn=ident, Tags=pairs(inputs["tags"]))

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.acm.delete_certificate(CertificateArn=ident)


class CertificateValidation(AwsType):
    """`aws:acm/certificateValidation:CertificateValidation`: nothing of AWS's, a wait until a certificate is issued."""

    token = "aws:acm/certificateValidation:CertificateValidation"
    replaced_by = frozenset({"certificateArn", "validationRecordFqdns"})
    gone = ("ResourceNotFoundException",)

    def make(self, call: Call, inputs: Properties) -> str:
        arn, issued = inputs["certificateArn"], self._issued
        self.aws.wait(f"certificate {arn} to be issued", lambda: issued(arn))
        return str(self.aws.acm.describe_certificate(CertificateArn=arn)["Certificate"].get("IssuedAt"))

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        return {} if self._issued(inputs["certificateArn"]) else None

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        return

    def _issued(self, arn: str) -> bool:
        status: str = self.aws.acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"]
        if status not in ("PENDING_VALIDATION", "ISSUED"):
            raise ProviderError(f"certificate {arn} is {status}")
        return status == "ISSUED"


def types(aws: Aws) -> list[AwsType]:
    """The types of this file."""
    return [Record(aws), Certificate(aws), CertificateValidation(aws)]
