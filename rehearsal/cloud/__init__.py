"""The local AWS: moto's control plane with its corrections, faults, alarms, and the thread in which time passes."""
