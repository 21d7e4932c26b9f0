"""Tuning of the C library's memory allocator."""

import ctypes
import platform

# Options of glibc's mallopt(3).
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
KEPT = 2**31 - 1  # bytes; the maximum of mallopt
STEP = 64 << 20  # bytes by which the heap grows


def keep_freed_memory():
    """Makes glibc's malloc keep up to 2 GiB of freed memory for later tensors.

    By default, glibc returns large blocks to the system, which clears every page before
    it is used again. A training step on a CPU allocates and frees hundreds of such
    blocks and can spend a third of its time on this. Returns False without glibc.

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
