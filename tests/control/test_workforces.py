"""A whole workforce at a real instance: handed in, checked, taken by two, whole or not at all."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from directives_for_tests import directive
from instance_for_tests import as_person, call, fresh_instance, staffed_instance
from licet.cli import run
from licet.control import Workforces
from licet.fleet import Clock
from licet.stores import ACTING, Role
from licet.terms import format_instant
from office_for_tests import House
from people_for_tests import Office, audience, checked
from places_for_tests import short_directory
from standin_for_tests import eventually, stand_in

NOT_FOREIGN, FOREIGN = "not_foreign_person", "foreign_person"


@pytest.fixture(scope="module")
def instance():
    with stand_in() as upstream, short_directory() as directory, fresh_instance(directory, upstream.url) as found:
        found.items("fable-5")
        found.act("/directives", {"text": directive()})
        yield found


@pytest.fixture(scope="module")
def names():
    return iter(range(1_000))


@pytest.fixture
def office(instance, names):
    return Office(instance, f"acme-{next(names)}")


def take(instance, text, *, enroll=True, expect=200):
    found = checked(instance, text)
    assert found["state"] == "checked", found
    return instance.act(f"/workforces/{found['workforce']}/take", {"enroll": enroll}, expect=expect)


def standing(instance, party):
    """The one that stands, if one does."""
    rows = [row for row in instance.act(f"/parties/{party}")["standings"] if row["withdrawn_at"] is None]
    assert len(rows) <= 1
    return rows[0] if rows else None


def people(names, count):
    return [f"w-{next(names)}" for _ in range(count)]


def test_who_is_enrolled_before_any_order_is_served_when_one_comes(instance, office, names):
    """One file, before the person ever called: their first call under the order is answered."""
    one, two = people(names, 2)
    text = office.workforce([{"sub": one}, {"sub": two, "status": FOREIGN, "nationalities": ["FR"]}])
    found = checked(instance, text)
    assert found["counts"] | {"people": 2} == {
        "new": 2, "renewed": 0, "changed": 0, "left_alone": 0, "withdrawn": 0, "enrolled": 2, "people": 2,
    }  # fmt: skip
    assert instance.act("/parties") == [] or one not in str(instance.act("/parties"))
    assert take(instance, text)["result"]["new"] == 2
    keys = [instance.act("/keys", {"party": name})["result"]["key"] for name in (one, two)]
    assert [instance.chat(key, "fable-5").status for key in keys] == [200, 403]
    (record,) = eventually(lambda: instance.records(act="workforce.take", workforce=found["workforce"]))
    assert (record["body"]["lines"], record["body"]["whole"], record["body"]["enroll"]) == (2, False, True)
    assert one not in json.dumps(record)
    assert list((instance.directory / "staged").glob("*")) == []


def test_a_file_is_taken_once(instance, office, names):
    text = office.workforce([{"sub": people(names, 1)[0]}])
    take(instance, text)
    found = checked(instance, text)
    assert (found["state"], found["code"]) == ("refused", "replayed")
    assert instance.act(f"/workforces/{found['workforce']}/take", {}, expect=404)["code"] == "unknown_workforce"


def test_what_is_said_again_is_renewed_and_what_is_said_otherwise_withdraws_it(instance, office, names):
    same, other, newer = people(names, 3)
    take(instance, office.workforce([{"sub": name} for name in (same, other, newer)]))
    before = standing(instance, same)["id"]
    old = {"checked_at": format_instant(Clock().now() - timedelta(days=30))}
    counts = take(
        instance, office.workforce([{"sub": same}, {"sub": other, "status": FOREIGN}, {"sub": newer, **old}])
    )["result"]
    assert {name: count for name, count in counts.items() if count} == {
        "renewed": 1, "changed": 1, "left_alone": 1, "people": 3,
    }  # fmt: skip
    assert standing(instance, same)["id"] == before
    assert standing(instance, other)["facts"][0] == {"fact": "foreign_person"}
    assert {row.get("withdrawal") for row in instance.act(f"/parties/{other}")["standings"]} == {None, "corrected"}


def test_a_whole_workforce_withdraws_whom_it_leaves_out_and_cuts_them(instance, office, names):
    stays, leaves = people(names, 2)
    take(instance, office.workforce([{"sub": stays}, {"sub": leaves}]))
    keys = [instance.act("/keys", {"party": name})["result"]["key"] for name in (stays, leaves)]
    assert [instance.chat(key, "fable-5").status for key in keys] == [200, 200]
    counts = take(instance, office.workforce([{"sub": stays}], whole=True))["result"]
    assert (counts["renewed"], counts["withdrawn"]) == (1, 1)
    assert [instance.chat(key, "fable-5").status for key in keys] == [200, 403]
    assert instance.act(f"/parties/{leaves}")["standings"][0]["withdrawal"] == "by_issuer"


def test_more_than_workers_are_told_one_by_one_reach_them_from_a_file(instance, office, names):
    """No worker is left behind, none refuses meanwhile, and a person of the first line and of the last is served."""
    known = people(names, 1)[0]
    take(instance, office.workforce([{"sub": known}]))
    key = instance.act("/keys", {"party": known})["result"]["key"]
    many = [f"{known}-{number}" for number in range(10_500)]
    found = checked(instance, office.workforce([{"sub": name} for name in many]))
    asked = []
    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(instance.act, f"/workforces/{found['workforce']}/take", {"enroll": True})
        while not taking.done():
            asked.append(instance.chat(key, "fable-5").status)
            time.sleep(0.02)
        done = taking.result()
    assert done["result"]["new"] == 10_500
    assert "silent_workers" not in done
    assert set(asked) == {200}
    keys = [instance.act("/keys", {"party": name})["result"]["key"] for name in (many[0], many[-1])]
    assert [instance.chat(one, "fable-5").status for one in keys] == [200, 200]
    assert instance.act("/status")["workers"][0]["state"] == "serving"


def test_one_wrong_line_changes_nothing(instance, office, names):
    good, bad = people(names, 2)
    before = instance.act("/status")["policy"]["feed"]
    found = checked(instance, office.workforce([{"sub": good}, {"sub": bad, "status": "citizen"}]))
    assert (found["state"], found["code"]) == ("refused", "claim_malformed")
    assert "line 3" in found["detail"]
    assert instance.act("/status")["policy"]["feed"] == before
    assert list((instance.directory / "staged").glob("*")) == []


def test_people_of_others_and_people_nobody_knows_are_refused_whole(instance, office, names):
    ours, theirs, nobody = people(names, 3)
    elsewhere = Office(instance, f"globex-{next(names)}")
    elsewhere.employs(theirs)
    found = checked(instance, office.workforce([{"sub": ours}, {"sub": theirs}]))
    assert (found["state"], found["code"]) == ("refused", "not_a_member")
    text = office.workforce([{"sub": nobody}])
    assert take(instance, text, enroll=False, expect=404)["code"] == "unknown_party"
    assert take(instance, text, enroll=True)["result"]["enrolled"] == 1


def test_no_more_people_than_agreed(instance, office, names):
    instance.act(f"/organizations/{office.organization}/limits", {"most_people": 2})
    one, two, three = people(names, 3)
    take(instance, office.workforce([{"sub": one}, {"sub": two}]))
    text = office.workforce([{"sub": three}])
    assert take(instance, text, expect=403)["code"] == "too_many_people"
    assert take(instance, office.workforce([{"sub": three}], whole=True))["result"]["withdrawn"] == 2


def test_what_has_changed_since_the_check_is_looked_at_again(instance, office, names):
    text = office.workforce([{"sub": people(names, 1)[0]}])
    found = checked(instance, text)
    instance.act(f"/organizations/{office.organization}/limits", {"most_people": 5})
    path = f"/workforces/{found['workforce']}/take"
    assert instance.act(path, {"enroll": True}, expect=409)["code"] == "overtaken"
    checked(instance, text)
    assert instance.act(path, {"enroll": True})["result"]["new"] == 1


@pytest.mark.parametrize(
    ("name", "status", "code"), [("0" * 64, 404, "unknown_workforce"), ("x", 400, "invalid_input")]
)
def test_a_file_that_nobody_handed_in_is_not_there(instance, name, status, code):
    assert instance.act(f"/workforces/{name}", expect=404)["code"] == "unknown_workforce"
    assert instance.act(f"/workforces/{name}/take", {}, expect=status)["code"] == code


def test_two_must_agree_also_after_the_control_process_began_anew():
    staff = {"ada": ACTING, "ben": ACTING, "dora": frozenset({Role.AUDITOR})}
    with short_directory() as directory, staffed_instance(directory, "http://127.0.0.1:9", staff) as found:
        second = as_person(found, "ben")

        def agreed(path, body):
            pending = found.act(path, body, expect=202)["pending"]["id"]
            return second.act(f"/pending/{pending}/approve", {})

        office = Office(found, act=agreed)
        text = office.workforce([{"sub": "w-1"}])
        digest = checked(found, text)["workforce"]
        pending = found.act(f"/workforces/{digest}/take", {"enroll": True}, expect=202)["pending"]["id"]
        assert found.act("/parties") == []
        restarted(found)
        done = second.act(f"/pending/{pending}/approve", {})
        assert (done["result"]["new"], done["approved_by"]) == (1, "ben")
        assert standing(found, "w-1") is not None


def restarted(instance):
    """Kill the control process, and wait for its successor."""
    pid = json.loads((instance.directory / "run" / "processes.json").read_text())["control"]["pid"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: call(instance.control + "/readyz").status == 200, 20)


def test_a_file_that_nobody_takes_is_deleted_after_72_hours(tmp_path):
    house = House(tmp_path)
    staged = tmp_path / "staged"
    staged.mkdir()
    files = {hours: staged / f"{hours:064}.jws" for hours in (71, 73)}
    for hours, file in files.items():
        file.write_text("x")
        at = (house.clock.now() - timedelta(hours=hours)).timestamp()
        os.utime(file, (at, at))
    Workforces(house.store, house.clock, b"pepper", "licet", staged).sweep()
    assert [file.exists() for file in files.values()] == [True, False]


# The organization's side.


def command(capsys, *arguments, expect=0):
    assert run([*map(str, arguments), "--json"]) == expect
    out = capsys.readouterr()
    return json.loads(out.out) if out.out else json.loads(out.err)["error"]


TABLE = """id,status,nationalities,checked_at
{0},not_foreign_person,,
{1},foreign_person,FR;CN,2026-06-01T00:00:00Z
"""


@pytest.fixture
def signer(office, tmp_path):
    path = tmp_path / "own.jwk"
    path.write_text(json.dumps({**office.key.as_dict(private=True), "kid": "k1"}))
    return ("--key", path, "--issuer", office.organization, "--audience", audience(office.instance))


def test_from_a_table_to_people_who_are_served(instance, signer, names, tmp_path, capsys):
    one, two = people(names, 2)
    table, out = tmp_path / "people.csv", tmp_path / "people.jws"
    table.write_text("\ufeff" + TABLE.format(one, two), encoding="utf-8")
    signed = command(capsys, "attest", "workforce", "--csv", table, *signer, "--out", out)
    assert (signed["people"], out.stat().st_mode & 0o777) == (2, 0o600)
    here = ("--dir", instance.directory)
    assert command(capsys, "workforce", "check", out, *here)["counts"]["new"] == 2
    assert standing_or_none(instance, one) is None
    assert command(capsys, "workforce", "take", out, "--enroll", *here)["result"]["new"] == 2
    assert standing(instance, two)["facts"][1:3] == [
        {"fact": "citizenship", "country": "FR", "acquired": None},
        {"fact": "citizenship", "country": "CN", "acquired": None},
    ]
    assert command(capsys, "workforce", "check", out, *here, expect=1)["code"] == "replayed"
    assert run(["workforce", "check", str(tmp_path / "none"), *map(str, here)]) == 1


def standing_or_none(instance, party):
    headers = {"authorization": f"Bearer {instance.token}"}
    answer = call(f"{instance.control}/parties/{party}", None, headers)
    return None if answer.status == 404 else answer.json["standings"]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("id,name,status\np1,Zeb,foreign_person\n", "no names are needed"),
        ("status\nforeign_person\n", "the column `id`"),
        ("id,id\np1,p1\n", "the column `id`"),
        ("id,status\np 1,foreign_person\n", "row 2"),
        ("id,status\np1,citizen\n", "row 2: expected `status`"),
        ("id,status\np1\n", "row 2: expected as many fields"),
        ("id,status\np1,foreign_person,x\n", "row 2: expected as many fields"),
        ("id,status\np1,foreign_person\np2,foreign_person\np1,foreign_person\n", "row 4: this person stands in row 2"),
        ("id,status,nationalities\np1,foreign_person,FRA\n", "expected a country code"),
        ("id,status,checked_at\np1,foreign_person,yesterday\n", "row 2"),
        ("id,status\n", "expected 1 to"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_with_its_row(signer, tmp_path, capsys, table, told):
    path = tmp_path / "people.csv"
    path.write_text(table)
    out = tmp_path / "out"
    found = command(capsys, "attest", "workforce", "--csv", path, *signer, "--out", out, expect=1)
    assert told in found["message"]
    assert not out.exists()


def test_a_table_without_a_status_needs_one_for_everybody(signer, tmp_path, capsys):
    path = tmp_path / "people.csv"
    path.write_text("id\np1\np2\n")
    base = ("attest", "workforce", "--csv", path, *signer)
    assert run([*map(str, base), "--out", str(tmp_path / "a")]) == 2
    capsys.readouterr()
    assert command(capsys, *base, "--out", tmp_path / "b", "--status", NOT_FOREIGN, "--whole")["whole"] is True
