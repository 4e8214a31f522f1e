"""Cores that a process may use, on systems that tell it and on those that do not."""

import os

from changedetect.io import cores


def test_usable__is_what_the_system_gives_this_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3}, raising=False)
    assert cores.usable() == 2


def test_usable__is_all_where_the_system_can_not_tell(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cores.usable() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.usable() == 1
