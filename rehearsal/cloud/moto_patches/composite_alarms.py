"""PutCompositeAlarm, which moto does not answer, with the refusals that a program could meet.

Source: PutCompositeAlarm in CloudWatch's API reference (a rule has at most 10240 characters and 100 alarms, which
exist: "Could not save the composite alarm as alarms [...] in the alarm rule do not exist"); for DeleteAlarms
ekristen/aws-nuke#462, cloud-custodian#7763 ("as there are composite alarm(s) depending on it").
"""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse

from rehearsal.cloud.composite_alarms import alarms_of
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

LONGEST_RULE = 10240
MOST_ALARMS = 100

# moto's answer to PutMetricAlarm reads AlarmRule too; only the operation's own name is missing.
CloudWatchResponse.put_composite_alarm = CloudWatchResponse.put_metric_alarm


@around(CloudWatchBackend, "put_metric_alarm")
def check_rule(cloud: CloudState, original: Correction, backend: Any, **given: Any) -> Any:
    rule = given.get("rule")
    if rule is None:
        return original(backend, **given)
    if len(rule) > LONGEST_RULE or rule != rule.strip():
        raise ValidationError(f"AlarmRule must have at most {LONGEST_RULE} characters, and no white space around it")
    try:
        named = dict.fromkeys(alarms_of(rule))
    except ValueError as error:
        raise ValidationError(f"AlarmRule: Error in expression: {error}") from None
    if len(named) > MOST_ALARMS:
        raise ValidationError(f"AlarmRule must not reference more than {MOST_ALARMS} alarms")
    if missing := [name for name in named if name not in backend.alarms]:
        raise ValidationError(
            f"Could not save the composite alarm as alarms [{', '.join(missing)}] in the alarm rule do not exist"
        )
    before = backend.alarms.get(given["name"])
    made = original(backend, **given)
    # A new one has no state until its rule was evaluated; a changed one keeps its own until then.
    made.state_value = before.state_value if before is not None else "INSUFFICIENT_DATA"
    return made


@around(CloudWatchBackend, "delete_alarms")
def refuse_what_others_are_about(cloud: CloudState, original: Correction, backend: Any, alarm_names: Any) -> Any:
    rules = {one.name: one.rule for one in backend.alarms.values() if one.rule is not None}
    needed = {name for of, rule in rules.items() if of not in alarm_names for name in alarms_of(rule)}
    if held := [name for name in alarm_names if name in needed and name in backend.alarms]:
        raise ValidationError(f"Cannot delete {','.join(held)} as there are composite alarm(s) depending on it.")
    return original(backend, alarm_names)
