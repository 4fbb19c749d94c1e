"""Record ids are fresh ULIDs, whoever asks."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from licet.fleet import new_record_id
from licet.terms import encode_ulid

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)


def test_an_id_begins_with_its_instant_and_has_the_form_of_a_ulid():
    for shift in (0, 1, 999, 10**9):
        at = NOON + timedelta(milliseconds=shift)
        made = new_record_id(at)
        assert made[:10] == encode_ulid(int(at.timestamp() * 1000), bytes(10))[:10]
        assert len(made) == 26
        assert set(made) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_no_two_are_equal_also_from_several_threads():
    with ThreadPoolExecutor(4) as threads:
        made = [
            each for ids in threads.map(lambda _: [new_record_id(NOON) for _ in range(2000)], range(8)) for each in ids
        ]
    assert len(set(made)) == len(made)


def test_every_digit_comes_as_often_as_every_other():
    digits = "".join(new_record_id(NOON)[10:] for _ in range(4000))
    assert max(digits.count(each) for each in set(digits)) < 2 * min(digits.count(each) for each in set(digits))
    assert len(set(digits)) == 32


def test_a_forked_process_has_other_ids_than_its_parent():
    new_record_id(NOON)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_record_id(NOON).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 100).decode()
    os.close(reading)
    os.close(writing)
    assert theirs not in {new_record_id(NOON) for _ in range(300)}
