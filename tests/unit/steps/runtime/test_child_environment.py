"""Programs of others get what they need of the environment, and nobody's tokens."""

from __future__ import annotations

from steps.runtime.child_environment import for_hook, for_packer

NEEDED = {
    "PATH": "/usr/bin",
    "HOME": "/home/ci",
    "TMPDIR": "/var/tmp",
    "LC_ALL": "C.UTF-8",
    "https_proxy": "http://proxy:3128",
    "NO_PROXY": "169.254.169.254",
    "SSL_CERT_FILE": "/etc/ca.pem",
    "XDG_CONFIG_HOME": "/home/ci/.config",
    "PHOENIX_PYTHON": "/venv/bin/python",
}
AWS = {
    "AWS_ACCESS_KEY_ID": "ASIA",
    "AWS_SECRET_ACCESS_KEY": "s",
    "AWS_SESSION_TOKEN": "t",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
    "AWS_PROFILE": "dev",
    "AWS_CA_BUNDLE": "/etc/ca.pem",
    "AWS_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
}
PACKER = {"PACKER_PLUGIN_PATH": "/plugins", "PACKER_LOG": "1", "PACKER_CONFIG_DIR": "/etc/packer"}
# What CI systems and the engine have, and a variable that nobody has thought of.
TOKENS = {
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "x",
    "ACTIONS_RUNTIME_TOKEN": "x",
    "GITHUB_TOKEN": "x",
    "GH_TOKEN": "x",
    "GITHUB_ENV": "/files/env",
    "GITHUB_PATH": "/files/path",
    "GITHUB_OUTPUT": "/files/output",
    "PULUMI_ACCESS_TOKEN": "x",
    "PULUMI_CONFIG_PASSPHRASE": "x",
    "PULUMI_CONFIG": "{}",
    "PULUMI_ENV": "/files/env",
    "CI_JOB_TOKEN": "x",
    "SYSTEM_ACCESSTOKEN": "x",
    "NPM_TOKEN": "x",
    "SSH_AUTH_SOCK": "/agent",
    "LD_PRELOAD": "/tmp/x.so",
    "PHOENIX_PREVIEW_TOKEN": "x",
    "DATABASE_PASSWORD": "x",
}
ALL = {**NEEDED, **AWS, **PACKER, **TOKENS}


def test_packer_gets_its_identity_in_aws_and_no_token() -> None:
    assert for_packer(ALL) == {**NEEDED, **AWS, **PACKER, "CHECKPOINT_DISABLE": "1"}


def test_a_smoke_command_gets_neither_an_identity_in_aws_nor_a_token() -> None:
    about = {"PHOENIX_URL": "http://x", "PHOENIX_PREVIEW_TOKEN": "the stack's"}
    assert for_hook(ALL, names=(), added=about) == {**NEEDED, **about}


def test_what_the_settings_name_is_handed_on_where_it_is_there() -> None:
    found = for_hook(ALL, names=["DATABASE_PASSWORD", "AWS_PROFILE", "NOT_THERE", "PHOENIX_URL"], added={})
    assert found == {**NEEDED, "DATABASE_PASSWORD": "x", "AWS_PROFILE": "dev"}
