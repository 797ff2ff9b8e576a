"""Servers: launch templates, auto-scaling groups with their policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.engine.standin.aws import Aws, AwsType, pairs, pascal, without_none
from rehearsal.engine.standin.provider import Call, ProviderError
from rehearsal.engine.standin.provider_network import Ec2Type
from rehearsal.engine.standin.values import Properties

TEMPLATE_DATA = (
    "imageId",
    "instanceType",
    "keyName",
    "userData",
    "ebsOptimized",
    "iamInstanceProfile",
    "monitoring",
    "metadataOptions",
    "blockDeviceMappings",
    "creditSpecification",
    "instanceInitiatedShutdownBehavior",
)
# What the provider waits for a group's instances to go, unless the program says otherwise.
GROUP_DELETE_SECONDS = 600


class LaunchTemplate(Ec2Type):
    """`aws:ec2/launchTemplate:LaunchTemplate`; a change of what it launches makes a new version."""

    token, kind = "aws:ec2/launchTemplate:LaunchTemplate", "launch-template"
    replaced_by = frozenset({"name"})
    unsettled = frozenset({"latestVersion"})
    name_input = "name"
    name_length = 128
    gone = ("InvalidLaunchTemplateId.NotFound",)

    def make(self, call: Call, inputs: Properties) -> str:
        made = self.aws.ec2.create_launch_template(
            LaunchTemplateName=inputs["name"],
            LaunchTemplateData=template_data(inputs),
            TagSpecifications=self.tags(inputs),
        )
        return made["LaunchTemplate"]["LaunchTemplateId"]

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self.aws.ec2.describe_launch_templates(LaunchTemplateIds=[ident])["LaunchTemplates"][0]
        return {
            "arn": self.arn("launch-template", ident, ""),
            "latestVersion": found["LatestVersionNumber"],
            "defaultVersion": found["DefaultVersionNumber"],
            "name": found["LaunchTemplateName"],
        }

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)
        if changed - {"tags", "description", "updateDefaultVersion"}:
            self.aws.ec2.create_launch_template_version(
                LaunchTemplateId=ident, LaunchTemplateData=template_data(inputs)
            )

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ec2.delete_launch_template(LaunchTemplateId=ident)


class Group(AwsType):
    """`aws:autoscaling/group:Group`. It never waits for capacity, so a program that asks for that is refused."""

    token = "aws:autoscaling/group:Group"
    replaced_by = frozenset({"name"})
    name_input = "name"

    def make(self, call: Call, inputs: Properties) -> str:
        if inputs.get("waitForCapacityTimeout") != "0":
            raise ProviderError('the stand-in knows groups with wait_for_capacity_timeout="0" only')
        name, about = inputs["name"], self._about(inputs)
        hooks = inputs.get("initialLifecycleHooks") or []
        # Hooks are there before the first server is, in two steps (resourceGroupCreate in the provider's group.go).
        sizes = {key: about[key] for key in ("MinSize", "MaxSize", "DesiredCapacity") if hooks and key in about}
        self.aws.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            Tags=self._tags(name, inputs),
            **{**about, **({"MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0} if hooks else {})},
            **({"TargetGroupARNs": inputs["targetGroupArns"]} if inputs.get("targetGroupArns") else {}),
        )
        for hook in hooks:
            said = {key: value for key, value in hook.items() if key != "name"}
            self.aws.autoscaling.put_lifecycle_hook(
                AutoScalingGroupName=name, LifecycleHookName=hook["name"], **pascal(said)
            )
        if hooks:
            self.aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, **sizes)
        return str(name)

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        found = self._found(ident)
        if found is None:
            return None
        return {
            "arn": found["AutoScalingGroupARN"],
            "name": ident,
            "desiredCapacity": found["DesiredCapacity"],
            "availabilityZones": list(found["AvailabilityZones"]),
        }

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        if changed - {"tags", "targetGroupArns"}:
            self.aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=ident, **self._about(inputs))
        if "tags" in changed:
            self._retag(ident, inputs)
        if "targetGroupArns" in changed:
            self._attach(ident, inputs)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        """Shrink it to nothing, lift its instances' protection, wait until they are gone, and delete it.

        As the provider does (drainGroup in terraform-provider-aws, internal/service/autoscaling/group.go).
        """
        if self._found(ident) is None:
            return
        self.aws.autoscaling.update_auto_scaling_group(
            AutoScalingGroupName=ident, MinSize=0, MaxSize=0, DesiredCapacity=0
        )
        protected = [one["InstanceId"] for one in self._instances(ident) if one["ProtectedFromScaleIn"]]
        if protected:
            self.aws.autoscaling.set_instance_protection(
                AutoScalingGroupName=ident, InstanceIds=protected, ProtectedFromScaleIn=False
            )
        seconds = call.delete_seconds or GROUP_DELETE_SECONDS
        self.aws.wait(f"the instances of group {ident} to go", lambda: not self._instances(ident), seconds)
        self.aws.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=ident, ForceDelete=False)
        self.aws.wait(f"group {ident} to go", lambda: self._found(ident) is None, seconds)

    def _found(self, ident: str) -> Any:
        found = self.aws.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[ident])
        return next(iter(found["AutoScalingGroups"]), None)

    def _instances(self, ident: str) -> list[Any]:
        return list((self._found(ident) or {}).get("Instances", []))

    def _about(self, inputs: Mapping[str, Any]) -> Any:
        about: dict[str, Any] = without_none(
            inputs,
            (
                "minSize",
                "maxSize",
                "desiredCapacity",
                "healthCheckType",
                "healthCheckGracePeriod",
                "defaultInstanceWarmup",
                "terminationPolicies",
                "newInstancesProtectedFromScaleIn",
                "capacityRebalance",
            ),
        )
        if "defaultCooldown" in inputs:
            about["DefaultCooldown"] = inputs["defaultCooldown"]
        if inputs.get("vpcZoneIdentifiers"):
            about["VPCZoneIdentifier"] = ",".join(inputs["vpcZoneIdentifiers"])
        if inputs.get("launchTemplate"):
            template = inputs["launchTemplate"]
            key = "id" if template.get("id") else "name"
            about["LaunchTemplate"] = {
                f"LaunchTemplate{key.capitalize()}": template[key],
                "Version": str(template.get("version", "$Default")),
            }
        if inputs.get("mixedInstancesPolicy"):
            about["MixedInstancesPolicy"] = pascal(inputs["mixedInstancesPolicy"])
        return about

    def _tags(self, ident: str, inputs: Mapping[str, Any]) -> list[Any]:
        return [
            {
                "ResourceId": ident,
                "ResourceType": "auto-scaling-group",
                "Key": tag["key"],
                "Value": tag["value"],
                "PropagateAtLaunch": tag["propagateAtLaunch"],
            }
            for tag in inputs.get("tags") or []
        ]

    def _retag(self, ident: str, inputs: Mapping[str, Any]) -> None:
        wanted = self._tags(ident, inputs)
        keys = {tag["Key"] for tag in wanted}
        stale = [tag for tag in self._found(ident)["Tags"] if tag["Key"] not in keys]
        if stale:
            self.aws.autoscaling.delete_tags(Tags=stale)
        if wanted:
            self.aws.autoscaling.create_or_update_tags(Tags=wanted)

    def _attach(self, ident: str, inputs: Mapping[str, Any]) -> None:
        wanted, held = set(inputs.get("targetGroupArns") or []), set(self._found(ident)["TargetGroupARNs"])
        if wanted - held:
            self.aws.autoscaling.attach_load_balancer_target_groups(
                AutoScalingGroupName=ident, TargetGroupARNs=sorted(wanted - held)
            )
        if held - wanted:
            self.aws.autoscaling.detach_load_balancer_target_groups(
                AutoScalingGroupName=ident, TargetGroupARNs=sorted(held - wanted)
            )


class Policy(AwsType):
    """`aws:autoscaling/policy:Policy`, target tracking only."""

    token = "aws:autoscaling/policy:Policy"
    replaced_by = frozenset({"name", "autoscalingGroupName"})
    name_input = "name"
    gone = ("ValidationError",)

    def make(self, call: Call, inputs: Properties) -> str:
        self._put(inputs)
        return str(inputs["name"])

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        found = self.aws.autoscaling.describe_policies(
            AutoScalingGroupName=inputs["autoscalingGroupName"], PolicyNames=[ident]
        )["ScalingPolicies"]
        return {"arn": found[0]["PolicyARN"]} if found else None

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self._put(inputs)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.autoscaling.delete_policy(AutoScalingGroupName=outputs["autoscalingGroupName"], PolicyName=ident)

    def _put(self, inputs: Mapping[str, Any]) -> None:
        if inputs.get("policyType") != "TargetTrackingScaling":
            raise ProviderError("the stand-in knows target tracking policies only")
        self.aws.autoscaling.put_scaling_policy(
            AutoScalingGroupName=inputs["autoscalingGroupName"],
            PolicyName=inputs["name"],
            **without_none(inputs, ("policyType", "targetTrackingConfiguration", "estimatedInstanceWarmup")),
        )


class Schedule(AwsType):
    """`aws:autoscaling/schedule:Schedule`, one that comes again and again."""

    token = "aws:autoscaling/schedule:Schedule"
    replaced_by = frozenset({"scheduledActionName", "autoscalingGroupName"})
    gone = ("ValidationError",)

    def make(self, call: Call, inputs: Properties) -> str:
        # The provider's -1 stands for no size.
        sizes = {name: inputs[name] for name in ("minSize", "maxSize", "desiredCapacity") if inputs[name] != -1}
        self.aws.autoscaling.put_scheduled_update_group_action(
            AutoScalingGroupName=inputs["autoscalingGroupName"],
            ScheduledActionName=inputs["scheduledActionName"],
            **without_none(inputs, ("recurrence", "timeZone")),
            **without_none(sizes, sizes),
        )
        return str(inputs["scheduledActionName"])

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        found = self.aws.autoscaling.describe_scheduled_actions(
            AutoScalingGroupName=inputs["autoscalingGroupName"], ScheduledActionNames=[ident]
        )["ScheduledUpdateGroupActions"]
        return {"arn": found[0].get("ScheduledActionARN", "")} if found else None

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.make(call, inputs)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.autoscaling.delete_scheduled_action(
            AutoScalingGroupName=outputs["autoscalingGroupName"], ScheduledActionName=ident
        )


def template_data(inputs: Mapping[str, Any]) -> Any:
    """What the template launches, in the API's words."""
    data = without_none(inputs, TEMPLATE_DATA)
    if inputs.get("vpcSecurityGroupIds"):
        data["SecurityGroupIds"] = inputs["vpcSecurityGroupIds"]
    if inputs.get("networkInterfaces"):
        data["NetworkInterfaces"] = [
            {"DeviceIndex": number, **pascal(card, {"securityGroups": "Groups"})}
            for number, card in enumerate(inputs["networkInterfaces"])
        ]
    if inputs.get("tagSpecifications"):
        data["TagSpecifications"] = [
            {"ResourceType": item["resourceType"], "Tags": pairs(item["tags"])} for item in inputs["tagSpecifications"]
        ]
    return data


def types(aws: Aws) -> list[AwsType]:
    """The types of this file."""
    return [LaunchTemplate(aws), Group(aws), Policy(aws), Schedule(aws)]
