"""Memory that goes back to the system."""

import gc
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from changedetect.io import memory
from changedetect.io.decoded_blocks import DecodedBlocks

MB = 1 << 20


def resident_mb():
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / MB


@pytest.mark.parametrize(("shape", "dtype"), [((4, 30, 20), np.uint16), ((0, 5), np.float32)])
def test_apart__is_an_array_that_can_be_written(shape, dtype):
    block = memory.apart(shape, dtype)
    assert block.shape == shape
    assert block.dtype == dtype
    block[...] = 7
    assert (block == 7).all()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_apart__every_block_leaves_alone_whatever_lies_around_it():
    """On the heap, blocks between others would stay with the process: a hole for each."""
    blocks = [memory.apart((4, 256, 256), np.uint16) for _ in range(320)]
    for block in blocks:
        block[...] = 1
    full = resident_mb()
    del blocks[::2], block
    gc.collect()
    assert resident_mb() < full - 40


def test_apart__memory_is_used_again_only_when_nobody_sees_it_any_more():
    memory.give_back()
    first = memory.apart((8, 100), np.int32)
    first[...] = 5
    seen = first[2:4, 10:]
    place = first.ctypes.data
    del first
    other = memory.apart((8, 100), np.int32)
    other[...] = 6
    assert (seen == 5).all()
    del seen
    assert memory.apart((800,), np.int32).ctypes.data == place


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_block_store__memory_does_not_grow_with_what_was_read():
    """Ten times as many blocks as fit: the process holds as many as fit."""
    store = DecodedBlocks(limit_bytes=16 * MB)
    before = resident_mb()
    for key in range(320):
        store.get(key, lambda: memory.apart((4, 256, 256), np.uint16))
        assert store.held_bytes <= 16 * MB
    assert resident_mb() < before + 48


def test_give_back__after_many_freed_pieces_less_is_resident():
    if memory._library() is None:
        memory.give_back()
        return
    pieces = [np.ones(12_000) for _ in range(2000)]  # 96 kB each: kept by the allocator
    del pieces[::2]
    before = psutil.Process().memory_info().rss
    memory.give_back()
    assert psutil.Process().memory_info().rss < before - 40e6
    assert all(piece[0] == 1 for piece in pieces)


def test_give_back__without_the_call_does_nothing(monkeypatch):
    monkeypatch.setattr(memory, "_library", lambda: None)
    memory.give_back()


def test_old_objects__are_left_alone_only_inside():
    before = gc.get_freeze_count()
    with memory.old_left_alone():
        assert gc.get_freeze_count() > before
    assert gc.get_freeze_count() == 0
