"""What can be wrong with TPKT (RFC 1006) and COTP (ISO 8073), whatever rides on them."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from otwatch.protocols.spec import AnomalyKind


class Anomaly(IntEnum):
    """anomalies.kind, in the order of ANOMALIES."""

    LENGTH = 1
    COTP_HEADER = 2
    COTP_PARAMETER = 3
    COTP_FRAGMENT = 4
    UNKNOWN_RIDER = 5


ANOMALIES: Final[tuple[AnomalyKind, ...]] = (
    AnomalyKind(code=Anomaly.LENGTH, name="length", clause="RFC 1006 section 6", doc="The TPKT length is not the length of what it carries."),
    AnomalyKind(code=Anomaly.COTP_HEADER, name="cotp-header", clause="ISO 8073 section 13.2", hides=True,
                doc="The COTP header is longer than its packet, shorter than its type needs, or of no known type."),
    AnomalyKind(code=Anomaly.COTP_PARAMETER, name="cotp-parameter", clause="ISO 8073 section 13.2.3",
                doc="A parameter of a COTP connect TPDU runs over its end."),
    AnomalyKind(code=Anomaly.COTP_FRAGMENT, name="cotp-fragment", clause="ISO 8073 section 6.3", hides=True,
                doc="A message cut into COTP fragments lost one, or grew over the limit."),
    AnomalyKind(code=Anomaly.UNKNOWN_RIDER, name="unknown-rider", clause="RFC 1006", hides=True,
                doc="The message is of no protocol that is known to ride on TPKT (S7comm, S7comm-plus, TLS, OSI session)."),
)
