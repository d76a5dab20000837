"""Describes the processor. Equal processors have equal descriptions."""

import platform
from pathlib import Path


def describe_processor() -> str:
    """Return the model and the instruction sets of the processor, as the system names them."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    first = text.split("\n\n")[0].splitlines()
    return "\n".join(line for line in first if line.startswith(("model name", "flags", "Features")))
