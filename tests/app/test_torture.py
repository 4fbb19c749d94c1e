"""The long form: `make torture`."""

import os
import random
import signal
import time

import pytest

from directives_for_tests import directive
from faults_for_tests import pid_of
from instance_for_tests import call, fresh_instance
from load_for_tests import FREE, RESTRICTED, Load, replaced, require_nothing_lost
from log_samples import verified
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import eventually, stand_in

pytestmark = pytest.mark.torture
KILLS = 100
NAMES = ("log", "control", "worker-0", "worker-1")


def test_a_hundred_kills_of_any_process_under_load_lose_nothing_and_release_nothing():
    dice = random.Random(20260612)  # noqa: S311  # the same order in every run
    with (
        stand_in() as upstream,
        short_directory() as directory,
        fresh_instance(directory, upstream.url, workers=2) as instance,
    ):
        instance.items(RESTRICTED, FREE)
        office = Office(instance)
        lawful, foreign = (
            office.employs("citizen", "not_foreign_person"),
            office.employs("foreign", "foreign_person"),
        )
        instance.act("/directives", {"text": directive()})
        with Load(instance, lawful, foreign, askers=9) as load:
            for _ in range(KILLS):
                name = dice.choice(NAMES)
                pid = pid_of(instance, name) or replaced(instance, name, None, 30)
                os.kill(pid, signal.SIGKILL)
                replaced(instance, name, pid, 30)
                time.sleep(dice.uniform(0, 0.5))
            load.moves(30)
        require_nothing_lost(load)
        eventually(lambda: call(instance.control + "/readyz").status == 200, 30)
        print(f"{len(load.acknowledged)} acknowledged; answers {dict(load.answers)}")  # noqa: T201  # what a run was
        assert verified(directory / "log.db").is_whole
