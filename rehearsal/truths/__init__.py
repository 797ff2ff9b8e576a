"""What moto does not know about AWS, one idea a module. Importing this package teaches it, once for a process.

Every correction is inert while no cloud is open (see `patch`), so other users of moto in the process see moto as it is.
"""

from rehearsal.truths import (  # noqa: F401 - imported for what they teach
    aside,
    calls,
    copies,
    dashboards,
    elb_limits,
    elb_tags,
    filters,
    group_fields,
    groups,
    hooks,
    idempotency,
    image_references,
    images,
    instances,
    keys,
    load_balancers,
    metrics,
    parameters,
    policies,
    quotas,
    security_groups,
    sharing,
    systems_manager,
    targets,
    templates,
)
