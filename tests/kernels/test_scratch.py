"""Arrays that a thread uses again."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from changedetect.kernels.scratch import scratch


def test_scratch__same_name_same_memory_other_name_or_thread_other_memory():
    first = scratch("a", (3, 4), np.float32)
    assert first.shape == (3, 4)
    assert first.dtype == np.float32
    assert np.shares_memory(first, scratch("a", (2, 5), np.int16))
    assert not np.shares_memory(first, scratch("b", (3, 4), np.float32))
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(scratch, "a", (3, 4), np.float32).result()
    assert not np.shares_memory(first, other)


def test_scratch__grows():
    assert scratch("c", (2,), np.uint8).shape == (2,)
    assert scratch("c", (200, 3), np.float64).shape == (200, 3)
