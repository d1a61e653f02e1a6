"""Error codes of S7: class and code of the header (0x81..0x87), and of userdata parameters and ends of transfers. Words are ours."""

from __future__ import annotations

ERRORS: dict[int, str] = {}
