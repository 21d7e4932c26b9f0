import resource

import numpy as np

from kerasbert.training.memory import keep_freed_memory


def page_faults_of_a_large_array():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(1 << 24, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_a_process_that_keeps_freed_memory_gets_no_new_pages_for_the_next_array():
    if not keep_freed_memory():
        return  # another C library, which is left as it is
    page_faults_of_a_large_array()
    assert page_faults_of_a_large_array() < 100  # of 4096 pages
