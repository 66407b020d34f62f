"""Ids ascend, and are what they say."""

import os
import time

from models import ids


def test_ids_ascend_in_the_order_in_which_they_are_made():
    made = [ids.new_id() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_an_id_is_a_uuid_of_version_seven_and_of_now():
    made = ids.new_id()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert abs((made.int >> 80) - time.time() * 1000) < 1000


def test_ids_ascend_when_the_clock_is_set_back(monkeypatch):
    before = ids.new_id()
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_000_000_000)
    assert before < ids.new_id() < ids.new_id()


def test_the_child_of_a_fork_gives_out_ids_of_its_own():
    ids.new_id()
    assert ids._spare
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(len(ids._spare)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"0"
