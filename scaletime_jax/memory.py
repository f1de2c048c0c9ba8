"""The memory of this machine."""

import os


def host_bytes() -> int:
    """Returns the memory of the host, or 2^62 where the system does not tell."""
    if not hasattr(os, "sysconf"):  # Windows
        return 2**62
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
