"""Who is let in: the trust of the AWS roles and the policies of Pulumi Cloud's issuer, evaluated for those who ask."""

from __future__ import annotations

import json
import re
import subprocess
from fnmatch import translate

import pytest

from rehearsal import PROJECT
from rehearsal.cloud.policies import allowed, statements

FOLDER = PROJECT / "docs" / "iam"
GITLAB = "gitlab.com"
GITHUB, SERVER, PULUMI = (
    "token.actions.githubusercontent.com",
    "github.example.com/_services/token",
    "api.pulumi.com/oidc",
)
OURS, OLD = "repo:acme@123456/shop@456789", "repo:acme/shop"
DEPLOYMENT = "pulumi:deploy:org:acme:project:phoenix:stack:dev:operation"
# What GitHub sends for a job, after the repository (docs.github.com, OpenID Connect reference).
CONTEXTS = (
    "environment:dev",
    "environment:prod",
    "environment:dev-approval",
    "environment:dev-bake",
    "environment:prod-bake",
    "environment:dev%3Ax",
    "pull_request",
    "ref:refs/heads/main",
    "ref:refs/heads/environment",
    "ref:refs/tags/v1.0.0",
)
# Ours under its ids, and all that could be taken for it: names that were given up and taken by others, forks, a rename
# (which GitHub says by another name before the same id), neighbours whose names begin or end alike.
REPOSITORIES = (
    OURS,
    OLD,
    "repo:acme@999999/shop@888888",
    "repo:acme@123456/shop@888888",
    "repo:acme@999999/shop@456789",
    "repo:mallory@777777/shop@666666",
    "repo:acme@123456/store@456789",
    "repo:acme-corp@123456/shop@456789",
    "repo:acme@1234567/shop@456789",
    "repo:acme@123456/shop@4567890",
    "repo:acme@123456/shop-api@456789",
    "repo:acme@123456/x@1/shop@456789",
)


def filled(name: str) -> dict[str, object]:
    """A trust policy as the README's own function fills it in, for stack dev of acme's repository shop."""
    text = (FOLDER / "README.md").read_text()
    function = text[text.index("fill() {") : text.index("; }\n", text.index("fill() {")) + 4]
    done = subprocess.run(
        ["sh", "-c", f"{function}fill {name}"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def lets_in(name: str, provider: str, subject: str, audience: str) -> bool:
    document = filled(name)
    [statement] = statements(document)
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{provider}"}
    return allowed(
        # A trust policy is about the role that it is in.
        [{**statement, "Resource": "*"}],
        "sts:AssumeRoleWithWebIdentity",
        "arn:aws:iam::123456789012:role/phoenix-dev",
        {f"{provider}:sub": subject, f"{provider}:aud": audience},
    )


@pytest.mark.parametrize(
    ("name", "provider", "repository", "context"),
    [
        ("trust-github", GITHUB, OURS, "environment:dev"),
        ("trust-github-preview", GITHUB, OURS, "pull_request"),
        ("trust-github-bake", GITHUB, OURS, "environment:dev-bake"),
        ("trust-github-server", SERVER, OLD, "environment:dev"),
        ("trust-github-server-preview", SERVER, OLD, "pull_request"),
        ("trust-github-server-bake", SERVER, OLD, "environment:dev-bake"),
    ],
)
def test_a_role_trusts_one_kind_of_job_of_one_repository(
    name: str, provider: str, repository: str, context: str
) -> None:
    trusted = {
        f"{one}:{other}"
        for one in REPOSITORIES
        for other in CONTEXTS
        if lets_in(name, provider, f"{one}:{other}", "sts.amazonaws.com")
    }
    assert trusted == {f"{repository}:{context}"}
    for subject in ("", "*", f"{repository}:*", f"{repository}:{context}:x", f"x{repository}:{context}"):
        assert not lets_in(name, provider, subject, "sts.amazonaws.com")
    assert not lets_in(name, provider, f"{repository}:{context}", "https://github.com/acme")


@pytest.mark.parametrize(("name", "previews"), [("trust-pulumi", False), ("trust-pulumi-preview", True)])
def test_a_deployments_role_trusts_one_stack_and_previews_only_where_it_says_so(name: str, previews: bool) -> None:
    for operation in ("update", "refresh", "destroy", "detect-drift"):
        assert lets_in(name, PULUMI, f"{DEPLOYMENT}:{operation}:scope:write", "acme")
    assert lets_in(name, PULUMI, f"{DEPLOYMENT}:preview:scope:write", "acme") is previews
    for other in (
        DEPLOYMENT.replace("stack:dev:", "stack:dev-eu:"),
        DEPLOYMENT.replace("stack:dev:", "stack:prod:"),
        DEPLOYMENT.replace("project:phoenix:", "project:phoenix-deployments:"),
        DEPLOYMENT.replace("org:acme:", "org:mallory:"),
        DEPLOYMENT.replace("pulumi:deploy:", "pulumi:environments:"),
    ):
        assert not lets_in(name, PULUMI, f"{other}:update:scope:write", "acme")
    assert not lets_in(name, PULUMI, f"{DEPLOYMENT}:update:scope:write", "mallory")


GITLAB_JOBS = [
    f"project_path:{project}:ref_type:{kind}:ref:{ref}"
    for project in ("acme/shop", "acme/shop-api", "acme/shop/fork", "mallory/shop", "mallory/acme/shop")
    for kind, ref in (("branch", "main"), ("branch", "main2"), ("branch", "feature/x"), ("tag", "main"))
]


def test_gitlabs_updates_are_of_main_and_its_previews_of_the_projects_branches() -> None:
    updates = {job for job in GITLAB_JOBS if lets_in("trust-gitlab", GITLAB, job, "sts.amazonaws.com")}
    previews = {job for job in GITLAB_JOBS if lets_in("trust-gitlab-preview", GITLAB, job, "sts.amazonaws.com")}
    ours = "project_path:acme/shop:ref_type:branch:ref:"
    assert updates == {f"{ours}main"}
    assert previews == {f"{ours}{branch}" for branch in ("main", "main2", "feature/x")}
    for name in ("trust-gitlab", "trust-gitlab-preview"):
        assert not lets_in(name, GITLAB, f"{ours}main", "https://gitlab.com")


def test_an_environment_of_esc_has_its_own_stacks_role() -> None:
    def subject(organization: str, environment: str) -> str:
        return f"pulumi:environments:pulumi.organization.login:{organization}:currentEnvironment.name:{environment}"

    assert lets_in("trust-esc", PULUMI, subject("acme", "shop/dev"), "aws:acme")
    for other in (
        subject("acme", "shop/dev-eu"),
        subject("acme", "shop/prod"),
        subject("mallory", "shop/dev"),
        # What it would say without subjectAttributes, also of what `pulumi up` opens.
        "pulumi:environments:org:acme:env:shop/dev",
        "pulumi:environments:org:acme:env:<yaml>",
        f"{DEPLOYMENT}:update:scope:write",
    ):
        assert not lets_in("trust-esc", PULUMI, other, "aws:acme")
    assert not lets_in("trust-esc", PULUMI, subject("acme", "shop/dev"), "acme")


def issuer_policies() -> list[tuple[str, str, str]]:
    """The rows of docs/teams.md: token type, audience and subject of each policy."""
    text = (PROJECT / "docs" / "teams.md").read_text()
    rows = re.findall(r"^ +\| (Organization|Team, `team:\w+`) \| `(urn:\S+)` \| `(repo:\S+)` \|$", text, re.MULTILINE)
    values = {"ORGANIZATION": "acme", "OWNERID": "123456", "REPOID": "456789", "OWNER": "acme", "REPOSITORY": "shop"}
    found = []
    for kind, audience, subject in rows:
        for name, value in values.items():
            audience, subject = audience.replace(name, value), subject.replace(name, value)
        found.append((kind, audience, subject))
    return found


def tokens(subject: str) -> set[str]:
    """What Pulumi Cloud gives for a subject. `*`, `?` and `.` in a rule are patterns there ("OIDC issuers")."""
    return {
        kind
        for kind, audience, rule in issuer_policies()
        if audience == "urn:pulumi:org:acme" and re.fullmatch(translate(rule.replace(".", "?")), subject)
    }


def test_pulumi_cloud_gives_updates_tokens_to_environments_and_a_reading_one_to_pull_requests() -> None:
    given = {f"{one}:{other}": tokens(f"{one}:{other}") for one in REPOSITORIES for other in CONTEXTS}
    assert {subject: kinds for subject, kinds in given.items() if kinds} == {
        f"{OURS}:environment:dev": {"Organization"},
        f"{OURS}:environment:prod": {"Organization"},
        f"{OURS}:pull_request": {"Team, `team:previews`"},
        f"{OURS}:environment:dev-bake": {"Team, `team:previews`"},
        f"{OURS}:environment:prod-bake": {"Team, `team:previews`"},
    }
