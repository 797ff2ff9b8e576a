"""Corrections of moto where it differs from AWS, one idea a module. Importing this package applies them.

Every correction is inert while no cloud is open (see `patch`), so other users of moto in the process see moto as it is.
"""

from rehearsal.cloud.moto_patches import (  # noqa: F401 - imported for what they correct
    composite_alarms,
    copy_image,
    dashboards,
    elb_limits,
    elb_tags,
    filters,
    group_fields,
    groups,
    idempotency,
    image_ancestry,
    image_references,
    image_sharing,
    images,
    inspector,
    instances,
    kms_keys,
    kms_signing,
    launch_templates,
    lifecycle_hooks,
    load_balancers,
    managed_policies,
    metrics,
    parameters,
    quotas,
    role_policies,
    scaling_policies,
    schedules,
    security_groups,
    serialized_calls,
    standby,
    systems_manager,
    targets,
)
