"""Texts of errors of properties and visitors.

What lives here: the message templates that are left of QEMU's QError. They are obsolete: nothing is
added here, new messages are written where they are raised. What does not: classes of errors
(`engine.errors`). Who calls it: `engine.qom`. A name that is missing prints as "null".
"""

from __future__ import annotations

QERR_INVALID_PARAMETER = "parameter '%s' is invalid"
QERR_INVALID_PARAMETER_TYPE = "parameter '%s' has the wrong type, expected: %s"
QERR_INVALID_PARAMETER_VALUE = "parameter '%s' has a value that is not %s"
QERR_MISSING_PARAMETER = "parameter '%s' is missing"
QERR_QMP_EXTRA_MEMBER = "member '%s' is not expected"
QERR_PERMISSION_DENIED = "the property does not permit this: it cannot be %s"
QERR_UNDEFINED_ERROR = "the property could not be set, for no reason given"
QERR_PROPERTY_VALUE_BAD = "property '%s.%s' does not take the value '%s'"
QERR_PROPERTY_VALUE_OUT_OF_RANGE = (
    "property %s.%s does not take the value %d: it must be from %d to %d")
QERR_DEVICE_NO_HOTPLUG = "device '%s' cannot be added or removed while the machine runs"


def name_or_null(name: str | None) -> str:
    """The name as messages print it."""
    return "null" if name is None else name
