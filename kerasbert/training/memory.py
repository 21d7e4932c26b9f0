"""What a process does with memory that it no longer needs."""

import ctypes
import platform

# Options of glibc's mallopt(3).
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
KEPT = 2**31 - 1  # bytes; the most that mallopt takes
STEP = 64 << 20  # bytes by which the heap grows


def keep_freed_memory():
    """Lets the process keep memory that it frees, for the tensors that follow.

    The C library gives large blocks back to the system, which clears each page before
    it hands it out again. A training step on a CPU makes and drops hundreds of such
    blocks, and can spend a third of its time on that. Up to 2 GiB are kept.

    Returns:
        Whether the C library, glibc, was told so. Others are left as they are.

    Example:
        >>> keep_freed_memory() in (True, False)
        True

    Reference:
        mallopt(3) of the Linux manual pages.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(
        mallopt(option, value)
        for option, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, KEPT), (TOP_PAD, STEP))
    )
