"""Prints what an image's signature is over, as a DSSE envelope. By hand only: no update runs it.

    sh steps/run attest --stack shop/dev --account 123456789012 --region eu-west-1 --service shop \\
        --image FINGERPRINT --signing-key arn:aws:kms:eu-west-1:123456789012:key/ID

The signature is checked before. Other tools check it with the public key (aws kms get-public-key).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from core import aws, image_trust, images, provenance
from core.provenance import SIGNATURE
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option


def _key(text: str) -> str:
    return image_trust.parse_key(parsers.non_empty(text))


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    service: str = option("the service whose image it is", parse=parsers.non_empty)
    image: str = option("fingerprint or ami-... of an image", parse=parsers.non_empty)
    signing_key: str = option("ARN of the KMS key that signed it", parse=_key)


def attest(options: Options, context: Context) -> Mapping[str, object]:
    trust = image_trust.trust(context.aws.session, key=options.signing_key, region=options.region, config=aws.CONFIG)
    ours = images.of_service(context.aws.ec2, options.service)
    image = trust.require(images.select_pinned(ours, options.image, service=options.service))
    made = provenance.of(image, region=options.region)
    return made.envelope(image.tags[SIGNATURE], key=options.signing_key)


if __name__ == "__main__":
    sys.exit(command.run_step("attest", __doc__, Options, attest))
