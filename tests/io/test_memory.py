"""Freed memory goes back to the system, or nothing happens."""

import numpy as np
import psutil

from changedetect.io import memory


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
