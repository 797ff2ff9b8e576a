"""How Pulumi Deployments updates dev and prod: from where, when, as whom.

dev follows `main` on every push. prod has a branch of its own, which somebody approves, and is updated when somebody
asks for it, or by its clock. Drift is looked for and never mended unasked: mending goes through the gates of an update.

A preview here runs a pull request's code with the role that updates, and with all rights on the stack's state, secrets
included ("Deployment Permissions"): whoever may push a branch has both. So prod has none unless somebody says so.

Names and meanings: "Deployment settings" in Pulumi Cloud's documentation, and the schema of `pulumiservice`.
"""

from pathlib import Path
from typing import Any

import pulumi
import pulumi_pulumiservice as cloud
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[1]
# Of the stacks, not of this program: as its owner has named it.
PROJECT: str = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))["name"]
# What an update of a stack is made of; anything else in the repository does not touch it.
PATHS = [
    "__main__.py",
    "Pulumi.yaml",
    "Pulumi.{stack}.yaml",
    "requirements.txt",
    "requirements.lock.txt",
    "components/**",
    "plan/**",
    "core/**",
    "steps/**",
    "image/**",
    "apps/**",
]
DRIFT = "0 */6 * * *"  # every six hours, UTC
# Nothing else tells a run when its role's credentials end (`duration` below), and promote begins nothing that they
# would not see the end of. 5 minutes less: they may be older than this command. PULUMI_ENV: "Environment Variables".
EXPIRATION = 'echo "AWS_CREDENTIAL_EXPIRATION=$(date -u -d +175minutes +%Y-%m-%dT%H:%M:%SZ)" >> "$PULUMI_ENV"'
# The run's credentials are there already; what installs software has no use for them.
PACKER = 'env -i "PATH=$PATH" "HOME=$HOME" sh tools/install_packer.sh'
REBIRTH = "30 3 * * 1-4"  # in the night, UTC, with people at work in the morning


def settings(
    stack: str, *, organization: str, repository: str, branch: str, role: str, on_push: bool, previewed: bool
) -> cloud.DeploymentSettings:
    """One stack's settings. `role` is assumed for each run, for as long as bake, canary, soak and drain may take."""
    return cloud.DeploymentSettings(
        stack,
        organization=organization,
        project=PROJECT,
        stack=stack,
        source_context=cloud.DeploymentSettingsSourceContextArgs(
            git=cloud.DeploymentSettingsGitSourceArgs(branch=branch, repo_dir=".")
        ),
        vcs=cloud.DeploymentSettingsVcsArgs(
            provider="github",
            repository=repository,
            deploy_commits=on_push,
            preview_pull_requests=previewed,
            pull_request_template=False,
            paths=[path.format(stack=stack) for path in PATHS],
        ),
        operation_context=cloud.DeploymentSettingsOperationContextArgs(
            pre_run_commands=[EXPIRATION, PACKER],
            oidc=cloud.OperationContextOIDCArgs(
                aws=cloud.AWSOIDCConfigurationArgs(role_arn=role, session_name=f"{PROJECT}-{stack}", duration="3h")
            ),
            options=cloud.OperationContextOptionsArgs(skip_intermediate_deployments=True),
        ),
        cache_options=cloud.DeploymentSettingsCacheOptionsArgs(enable=True),
    )


def clocks(stack: str, *, organization: str, keys: dict[str, Any], after: pulumi.Resource) -> None:
    """Looks for drift; and gives servers that grew too old the update in which the program flips by itself."""
    opts = pulumi.ResourceOptions(depends_on=[after])
    cloud.DriftSchedule(
        f"{stack}-drift",
        organization=organization,
        project=PROJECT,
        stack=stack,
        schedule_cron=DRIFT,
        auto_remediate=False,
        opts=opts,
    )
    if keys.get("active") == "auto" and int(keys.get("maxAgeDays", 30)):
        cloud.DeploymentSchedule(
            f"{stack}-rebirth",
            organization=organization,
            project=PROJECT,
            stack=stack,
            schedule_cron=REBIRTH,
            pulumi_operation=cloud.PulumiOperation.UPDATE,
            opts=opts,
        )
    else:
        pulumi.log.info(
            f"{stack} has no rebirth clock: that needs active: auto, and maxAgeDays above 0, in Pulumi.{stack}.yaml"
        )


def stack_file(stack: str) -> dict[str, Any]:
    """The keys of a stack's file beside this folder, without the project's name."""
    said: dict[str, Any] = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    return {key.removeprefix(f"{PROJECT}:"): value for key, value in (said.get("config") or {}).items()}


config = pulumi.Config()
owner, repository = pulumi.get_organization(), config.require("repository")
branches = {"dev": "main", "prod": config.get("prodBranch") or "production"}
previews = config.get_object("previews")
if previews is None:
    previews = ["dev"]
if not isinstance(previews, list) or not set(previews) <= branches.keys():
    raise pulumi.RunError(
        f"previews = {previews!r}: must be a list of stacks, of {' and '.join(branches)}.\n"
        "  type: pulumi config set --path 'previews[0]' dev"
    )
for stack, branch in branches.items():
    made = settings(
        stack,
        organization=owner,
        repository=repository,
        branch=branch,
        role=config.require(f"{stack}Role"),
        on_push=stack == "dev",
        previewed=stack in previews,
    )
    clocks(stack, organization=owner, keys=stack_file(stack), after=made)
