"""What servers may do: roles, their policies, instance profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.engine.standin.aws import Aws, AwsType, pairs
from rehearsal.engine.standin.provider import Call
from rehearsal.engine.standin.values import Properties


class Role(AwsType):
    """`aws:iam/role:Role`; its id is its name."""

    token = "aws:iam/role:Role"
    replaced_by = frozenset({"name", "path"})
    defaults = {"path": "/", "maxSessionDuration": 3600}  # noqa: RUF012
    name_input, name_length = "name", 64
    gone = ("NoSuchEntity",)

    def make(self, call: Call, inputs: Properties) -> str:
        bounded: Any = {"PermissionsBoundary": arn} if (arn := inputs.get("permissionsBoundary")) else {}
        self.aws.iam.create_role(
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Path=inputs["path"],
            Description=inputs.get("description", ""),
            MaxSessionDuration=inputs["maxSessionDuration"],
            Tags=pairs(inputs.get("tags")),
            **bounded,
        )
        return str(inputs["name"])

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self.aws.iam.get_role(RoleName=ident)["Role"]
        return {"arn": found["Arn"], "uniqueId": found["RoleId"], "name": ident}

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        if "assumeRolePolicy" in changed:
            self.aws.iam.update_assume_role_policy(RoleName=ident, PolicyDocument=inputs["assumeRolePolicy"])
        if "permissionsBoundary" in changed:
            if arn := inputs.get("permissionsBoundary"):
                self.aws.iam.put_role_permissions_boundary(RoleName=ident, PermissionsBoundary=arn)
            else:
                self.aws.iam.delete_role_permissions_boundary(RoleName=ident)
        if {"description", "maxSessionDuration"} & changed:
            self.aws.iam.update_role(
                RoleName=ident,
                Description=inputs.get("description", ""),
                MaxSessionDuration=inputs["maxSessionDuration"],
            )
        if "tags" in changed:
            wanted: Mapping[str, Any] = inputs.get("tags") or {}
            held = self.aws.iam.list_role_tags(RoleName=ident)["Tags"]
            self.aws.iam.untag_role(RoleName=ident, TagKeys=[tag["Key"] for tag in held if tag["Key"] not in wanted])
            self.aws.iam.tag_role(RoleName=ident, Tags=pairs(wanted))

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        for profile in self.aws.iam.list_instance_profiles_for_role(RoleName=ident)["InstanceProfiles"]:
            self.aws.iam.remove_role_from_instance_profile(
                InstanceProfileName=profile["InstanceProfileName"], RoleName=ident
            )
        self.aws.iam.delete_role(RoleName=ident)


class RolePolicy(AwsType):
    """`aws:iam/rolePolicy:RolePolicy`; its id is ROLE:NAME."""

    token = "aws:iam/rolePolicy:RolePolicy"
    replaced_by = frozenset({"name", "role"})
    name_input, name_length = "name", 128
    gone = ("NoSuchEntity",)

    def make(self, call: Call, inputs: Properties) -> str:
        self._put(inputs)
        return f"{inputs['role']}:{inputs['name']}"

    def look(self, ident: str, inputs: Properties) -> Properties:
        role, _, name = ident.partition(":")
        self.aws.iam.get_role_policy(RoleName=role, PolicyName=name)
        return {"name": name}

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self._put(inputs)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        role, _, name = ident.partition(":")
        self.aws.iam.delete_role_policy(RoleName=role, PolicyName=name)

    def _put(self, inputs: Mapping[str, Any]) -> None:
        self.aws.iam.put_role_policy(
            RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=inputs["policy"]
        )


class RolePolicyAttachment(AwsType):
    """`aws:iam/rolePolicyAttachment:RolePolicyAttachment`; its id is made of both names."""

    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    gone = ("NoSuchEntity",)

    def make(self, call: Call, inputs: Properties) -> str:
        self.aws.iam.attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return f"{inputs['role']}/{inputs['policyArn']}"

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        held = self.aws.iam.list_attached_role_policies(RoleName=inputs["role"])["AttachedPolicies"]
        return {} if any(item["PolicyArn"] == inputs["policyArn"] for item in held) else None

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.iam.detach_role_policy(RoleName=outputs["role"], PolicyArn=outputs["policyArn"])


class InstanceProfile(AwsType):
    """`aws:iam/instanceProfile:InstanceProfile`; its id is its name."""

    token = "aws:iam/instanceProfile:InstanceProfile"
    replaced_by = frozenset({"name", "path"})
    defaults = {"path": "/"}  # noqa: RUF012
    name_input, name_length = "name", 128
    gone = ("NoSuchEntity",)

    def make(self, call: Call, inputs: Properties) -> str:
        name = str(inputs["name"])
        self.aws.iam.create_instance_profile(
            InstanceProfileName=name, Path=inputs["path"], Tags=pairs(inputs.get("tags"))
        )
        call.made.append(name)
        if inputs.get("role"):
            self.aws.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=inputs["role"])
        return name

    def look(self, ident: str, inputs: Properties) -> Properties:
        found = self.aws.iam.get_instance_profile(InstanceProfileName=ident)["InstanceProfile"]
        return {"arn": found["Arn"], "uniqueId": found["InstanceProfileId"], "name": ident}

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        if "role" in changed:
            for role in self._roles(ident):
                self.aws.iam.remove_role_from_instance_profile(InstanceProfileName=ident, RoleName=role)
            if inputs.get("role"):
                self.aws.iam.add_role_to_instance_profile(InstanceProfileName=ident, RoleName=inputs["role"])
        if "tags" in changed:
            self.aws.iam.tag_instance_profile(InstanceProfileName=ident, Tags=pairs(inputs.get("tags")))

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        for role in self._roles(ident):
            self.aws.iam.remove_role_from_instance_profile(InstanceProfileName=ident, RoleName=role)
        self.aws.iam.delete_instance_profile(InstanceProfileName=ident)

    def _roles(self, ident: str) -> list[str]:
        found = self.aws.iam.get_instance_profile(InstanceProfileName=ident)["InstanceProfile"]
        return [role["RoleName"] for role in found["Roles"]]


def types(aws: Aws) -> list[AwsType]:
    """The types of this file."""
    return [Role(aws), RolePolicy(aws), RolePolicyAttachment(aws), InstanceProfile(aws)]
