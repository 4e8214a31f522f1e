"""Decoded blocks shared by threads."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from changedetect.io.decoded_blocks import DecodedBlocks


def block(value):
    return np.full(10, value, np.uint8)


def test_block_store__decodes_once_and_forgets_the_oldest():
    store, asked = DecodedBlocks(limit_bytes=30), []

    def get(key):
        return store.get(key, lambda: asked.append(key) or block(key))

    for key in (1, 2, 3, 1, 4, 1, 2):
        assert get(key).tolist() == [key] * 10
    assert asked == [1, 2, 3, 4, 2]
    with pytest.raises(ValueError, match="read-only"):
        get(1)[0] = 7


def test_block_store__two_threads_decode_a_block_once():
    store, asked, gate = DecodedBlocks(), [], threading.Barrier(2)

    def decode():
        asked.append(1)
        return block(5)

    def work():
        gate.wait()
        return store.get("a", decode).sum()

    with ThreadPoolExecutor(2) as pool:
        assert [f.result() for f in [pool.submit(work), pool.submit(work)]] == [50, 50]
    assert asked == [1]


def test_block_store__a_block_that_failed_is_tried_again():
    store = DecodedBlocks()

    def fail():
        raise OSError("damaged")

    with pytest.raises(OSError, match="damaged"):
        store.get("a", fail)
    assert store.get("a", lambda: block(3))[0] == 3
