"""An instance that is told to stop while it answers."""

import json
import time

from directives_for_tests import directive
from instance_for_tests import fresh_instance, single_person
from licet.terms import Surface
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import eventually, stand_in
from streams_for_tests import Reading


def test_a_running_answer_ends_with_an_event_and_a_short_one_is_let_finish():
    with stand_in() as upstream, short_directory() as directory:
        with fresh_instance(directory, upstream.url) as instance:
            instance.items("fable-5")
            key = instance.party_key("p1")
            long = Reading(Surface.OPENAI, instance.gateway, "fable-5", key, "[[chunks=2000 every=20ms]]").has(2)
            short = Reading(Surface.OPENAI, instance.gateway, "fable-5", key, "[[chunks=30 every=20ms]]").has(2)
            began = time.monotonic()
            assert instance.stop() == 0
            assert time.monotonic() - began < 15
            assert short.end() is None
            assert long.end().code == "gateway_stopping"
            cuts = [x["body"]["code"] for x in instance.records(kind="stream_cut")]
            assert cuts == ["gateway_stopping"]
        eventually(lambda: [seen["aborted"] for seen in upstream.log()].count(True) == 1)


def test_what_a_caller_was_told_they_may_use_is_on_record_and_explained_to_an_officer():
    with stand_in() as upstream, short_directory() as directory, fresh_instance(directory, upstream.url) as instance:
        instance.items("fable-5", "opus-4.8")
        office = Office(instance)
        alien = office.employs("p1", "foreign_person")
        instance.act("/directives", {"text": directive(), "name": "letter"})
        from sdks_for_tests import list_models

        assert list_models(Surface.OPENAI, instance.gateway, alien) == ["opus-4.8"]
        eventually(lambda: bool(instance.records(act="metadata")))
        (told,) = instance.records(act="metadata")
        assert (told["body"]["party"], told["body"]["items"]) == ("p1", ["opus-4.8"])

        answer = instance.act("/explain", {"model": "fable-5", "party": "p1"})
        assert (answer["outcome"], answer["code"]) == ("license_required", "license_required")
        assert answer["requirements"][0]["facts"]["status"] == "foreign"
        assert answer["alternatives"] == ["opus-4.8"]
        assert answer["grounds"][0]["disclosure"] == "public"
        assert instance.act("/explain", {"model": "opus-4.8", "party": "p1"})["outcome"] == "permit"
        assert instance.act("/explain", {"model": "none", "party": "p1"})["code"] == "model_not_found"
        unknown = instance.act("/explain", {"model": "fable-5", "party": "nobody"})
        assert unknown["requirements"][0]["would_turn_it"] == ["status"]
        machine = {"model": "fable-5", "organization": "acme", "serves": "machine"}
        assert instance.act("/explain", machine)["outcome"] == "permit"
        for wrong in ({"model": "fable-5"}, {"model": "fable-5", "organization": "acme"}, {**machine, "party": "p1"}):
            assert instance.act("/explain", wrong, expect=400)["code"] == "bad_key_owner"
        assert len(instance.records(kind="decision")) == 1  # an explanation is not recorded


def test_an_instance_without_its_epoch_does_not_start(capsys):
    from licet.cli import run

    with short_directory() as directory:
        single_person(directory)
        assert (directory / "policy.epoch").read_text() == "0"
        (directory / "policy.epoch").unlink()
        assert run(["serve", "--dir", str(directory), "--json"]) == 1
        assert "policy epoch" in json.loads(capsys.readouterr().err.splitlines()[-1])["error"]["message"]
