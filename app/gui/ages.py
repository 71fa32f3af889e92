"""How long ago something was, in words."""

import time

from PySide6.QtCore import QCoreApplication

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))


def ago(moment: float, now: float | None = None) -> str:
    """ "3 days ago", "1 hour ago", "just now", for Unix seconds."""
    passed = max(0.0, (time.time() if now is None else now) - moment)
    for seconds, unit in _UNITS:
        if passed >= seconds:
            return _words(unit, int(passed // seconds))
    return QCoreApplication.translate("ages", "just now")


def _words(unit: str, count: int) -> str:
    if unit == "day":
        one = QCoreApplication.translate("ages", "1 day ago")
        many = QCoreApplication.translate("ages", "%n days ago", "", count)
    elif unit == "hour":
        one = QCoreApplication.translate("ages", "1 hour ago")
        many = QCoreApplication.translate("ages", "%n hours ago", "", count)
    else:
        one = QCoreApplication.translate("ages", "1 minute ago")
        many = QCoreApplication.translate("ages", "%n minutes ago", "", count)
    return one if count == 1 else many
