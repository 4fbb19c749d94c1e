"""Every command on a running instance: through the control API, with effect at once."""

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time

import pytest

from directives_for_tests import directive
from licet.terms import parse_instant
from standin_for_tests import eventually

FROM, UNTIL = "2026-06-20T00:00:00Z", "2099-06-20T00:00:00Z"


@pytest.fixture
def on(licet, instance):
    """A command on the instance that all tests share."""
    return lambda *arguments: licet(*arguments, "--dir", instance.directory)


@pytest.fixture
def attesting(licet, tmp_path):
    """The key files of an organization."""
    licet("attest", "keygen", "--out", tmp_path / "private.jwk", "--public", tmp_path / "public.jwk", "--kid", "k1")
    return tmp_path


def test_items(on):
    ran = on("item", "add", "sonata-1", "--upstream", "main", "--alias", "sonata", "--alias", "sonata-latest", "--json")
    assert ran.json["result"]["aliases"] == ["sonata", "sonata-latest"]
    assert on("record", "show", ran.json["record"], "--json").json["body"]["act"] == "item.add"
    assert {row["id"] for row in on("item", "list", "--json").json} >= {"sonata-1", "fable-5", "mythos-5"}
    assert "sonata-latest" in on("item", "list").out


def test_organizations_and_parties(on, attesting):
    public = attesting / "public.jwk"
    added = on(
        "organization", "add", "orch-1", "--name", "O", "--place", "US-DE", "--attestation-key", public, "--json"
    )
    assert list(added.json["result"]["attestation_keys"]) == ["k1"]
    assert (
        on("organization", "add", "orch-2", "--name", "Ministry", "--place", "FR", "--kind", "foreign_government").code
        == 0
    )
    listed = {row["id"]: row for row in on("organization", "list", "--json").json}
    assert listed["orch-2"]["kind"] == "foreign_government"
    assert on("party", "add", "player-1", "--organization", "orch-1").out.startswith("enrolled player-1 of orch-1\n")
    assert on("party", "show", "player-1", "--json").json["party"]["organization"] == "orch-1"
    assert "orch-1" in on("party", "show", "player-1").out
    assert "player-1" in on("party", "list").out


def test_a_key_is_shown_once_serves_and_is_revoked(on, instance):
    on("party", "add", "keyed-1")
    ran = on("key", "issue", "--party", "keyed-1")
    secret = next(line for line in ran.out.splitlines() if line.startswith("lk_"))
    assert "only time" in ran.out
    key_id = secret.split("_")[1]
    assert instance.chat(secret, "fable-5").status == 200
    listed = on("key", "list", "--json")
    assert key_id in {row["id"] for row in listed.json}
    assert secret not in listed.out
    assert on("key", "revoke", key_id).out.startswith(f"revoked {key_id}\n")
    assert instance.chat(secret, "fable-5").status == 401


def test_a_key_can_go_into_a_file_that_only_its_owner_reads(on, instance, tmp_path):
    on("party", "add", "filed-1")
    ran = on("key", "issue", "--party", "filed-1", "--out", tmp_path / "k", "--json")
    secret = (tmp_path / "k").read_text().strip()
    assert secret not in ran.out
    assert ran.json["result"] == {"id": secret.split("_")[1], "file": str(tmp_path / "k")}
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert instance.chat(secret, "fable-5").status == 200
    again = on("key", "issue", "--party", "filed-1", "--out", tmp_path / "k", "--json")
    assert again.error["code"] == "file_exists"
    assert len([row for row in on("key", "list", "--json").json if row["party"] == "filed-1"]) == 1
    assert on("key", "issue", "--party", "nobody", "--out", tmp_path / "n").code == 1
    assert not (tmp_path / "n").exists()


def test_a_key_of_an_organization_says_whom_it_serves(on):
    on("organization", "add", "machines-1", "--name", "M", "--place", "US")
    on("key", "issue", "--organization", "machines-1", "--serves", "machine")
    rows = [row for row in on("key", "list", "--json").json if row["organization"] == "machines-1"]
    assert [row["serves"] for row in rows] == ["machine"]


def test_stop_and_resume_are_at_once_and_one_alone_loosens(on, instance):
    key = instance.party_key("listener-1")
    stopped = on("stop", "fable-5")
    assert stopped.out.startswith("stopped for everybody: fable-5\n")
    assert "alone" not in stopped.out
    assert instance.chat(key, "fable-5").json["error"]["code"] == "item_stopped"
    assert "off" in on("status").out
    resumed = on("resume", "fable-5")
    assert "note: one administrator loosened this alone" in resumed.out
    assert instance.chat(key, "fable-5").status == 200
    assert on("resume", "fable-5", "--json").error["code"] == "not_stopped"


def test_status_is_json_too(on):
    assert {row["id"] for row in on("status", "--json").json["items"]} >= {"fable-5", "mythos-5"}


def test_a_license_is_entered_and_revoked(on):
    on("organization", "add", "licensed-1", "--name", "L", "--place", "FR")
    on("party", "add", "licensed-p")
    named = ["--organization", "licensed-1", "--party", "licensed-p", "--employees", "--from", FROM, "--until", UNTIL]
    ran = on("license", "grant", "D-100", "--item", "mythos-5", *named, "--json")
    assert sorted(ran.json["result"]["holders"]) == ["licensed-1", "person:licensed-p"]
    assert ran.json["loosened_by_one_person"] is True
    assert "D-100" in on("license", "list").out
    assert on("license", "revoke", "D-100").code == 0
    assert on("license", "revoke", "D-100", "--json").error["code"] == "license_revoked"


def test_a_parameter_is_set_with_a_reason(on):
    ran = on("parameter", "set", "macau", "with_d5", "--reason", "counsel's memo of today")
    assert ran.out.startswith("macau is now with_d5\n")
    rows = {row["name"]: row for row in on("parameter", "list", "--json").json}
    assert (rows["macau"]["set_by"], rows["macau"]["reason"]) == ("officer", "counsel's memo of today")
    assert "counsel's memo" in on("parameter", "list").out


def test_a_directive_lives_from_check_to_lift(on, licet, tmp_path, instance):
    on("item", "add", "cantata-1", "--upstream", "main")
    file = tmp_path / "order.yaml"
    file.write_text(directive(id="DIR-CLI-1", items=[{"id": "cantata-1", "basis": "named"}]))
    checked = on("directive", "check", file, "--json")
    assert checked.json["checked_against_catalogue"] is True
    assert on("directive", "check", file).out.endswith("valid\n")
    activated = on("directive", "activate", file, "--json")
    assert (activated.code, activated.json["result"]) == (0, "DIR-CLI-1")
    assert "DIR-CLI-1" in on("directive", "list").out
    assert instance.chat(instance.party_key("singer-1"), "cantata-1").json["outcome"] == "needs_evidence"
    assert "744.22" in on("directive", "show", "DIR-CLI-1").out
    assert on("directive", "show", "DIR-CLI-1", "--cedar").out.startswith("// Directive DIR-CLI-1")
    assert on("directive", "show", "DIR-CLI-1", "--json").json["document"]["id"] == "DIR-CLI-1"
    assert (
        on("directive", "lift", "DIR-CLI-1", "--at", "2020-01-01T00:00:00Z", "--json").error["code"] == "past_instant"
    )
    assert on("directive", "lift", "DIR-CLI-1").code == 0
    assert instance.chat(instance.keys["singer-1"], "cantata-1").status == 200
    # Nobody waits for the record of an item under no requirement.
    eventually(lambda: len(instance.records(kind="decision", party="singer-1")) > 1)
    found = on("record", "list", "--kind", "decision", "--party", "singer-1", "--json").json
    assert [row["body"]["outcome"] for row in found] == ["permit", "needs_evidence"]


def test_the_faults_the_instance_finds_are_told_like_those_found_here(on, tmp_path):
    file = tmp_path / "order.yaml"
    file.write_text(directive(items=[{"id": "no-such-model", "basis": "named"}]))
    for verb in ("check", "activate"):
        ran = on("directive", verb, file)
        assert ran.code == 1
        assert ran.err.startswith(f"{file}:")
        assert "no-such-model" in ran.err


REFUSED = [
    (("item", "add", "m-1", "--upstream", "nowhere"), "unknown_upstream"),
    (("item", "add", "fable-5", "--upstream", "main"), "item_exists"),
    (("item", "add", "fable 5", "--upstream", "main"), "invalid_input"),
    (("organization", "add", "o-9", "--name", "O", "--place", "ZZ"), "unknown_country"),
    (("organization", "add", "o-9", "--name", "O", "--place", "US", "--kind", "club"), "invalid_input"),
    (("party", "add", "Jane Doe"), "invalid_input"),
    (("party", "add", "p-9", "--organization", "nobody"), "unknown_organization"),
    (("party", "show", "nobody"), "unknown_party"),
    (("party", "show", "../status"), "invalid_input"),
    (("key", "issue", "--party", "nobody"), "unknown_party"),
    (("key", "revoke", "nothing"), "unknown_key"),
    (("stop", "nothing"), "unknown_item"),
    (("directive", "show", "nothing"), "unknown_directive"),
    (("directive", "lift", "nothing"), "unknown_directive"),
    (("license", "revoke", "nothing"), "unknown_license"),
    (("license", "grant", "L", "--item", "fable-5", "--from", FROM, "--until", UNTIL), "license_names_nobody"),
    (("parameter", "set", "macau", "maybe", "--reason", "r"), "bad_parameter"),
    (("parameter", "set", "gravity", "off", "--reason", "r"), "unknown_parameter"),
    (("parameter", "set", "macau", "literal", "--reason", " "), "reason_missing"),
    (("record", "show", "nothing"), "not_found"),
]


@pytest.mark.parametrize(("arguments", "code"), REFUSED, ids=lambda x: x if isinstance(x, str) else " ".join(x))
def test_a_refused_act_exits_with_1_and_says_why(on, arguments, code):
    ran = on(*arguments, "--json")
    assert (ran.code, ran.out, ran.error["code"]) == (1, "", code)
    plain = on(*arguments)
    assert plain.code == 1
    assert plain.err.endswith(f"[{code}]\n")


def test_a_wrong_token_does_nothing(licet, instance, monkeypatch):
    monkeypatch.setenv("LICET_TOKEN", "wrong")
    ran = licet("stop", "--all", "--dir", instance.directory, "--json")
    assert (ran.code, ran.error["code"]) == (1, "unauthorized")


def test_a_url_and_a_token_are_enough(licet, instance, monkeypatch):
    monkeypatch.setenv("LICET_CONTROL", instance.control + "/")
    monkeypatch.setenv("LICET_TOKEN", instance.token)
    assert licet("item", "list").code == 0
    assert "item.add" in {
        row["body"]["act"] for row in licet("record", "list", "--kind", "administrative", "--json").json
    }
    assert licet("log", "checkpoint", "--json").error["code"] == "usage"


def test_a_directory_in_the_environment_is_enough(licet, instance, monkeypatch):
    monkeypatch.setenv("LICET_DIR", str(instance.directory))
    assert licet("item", "list").code == 0
    assert licet("record", "list").code == 0


def test_evidence_through_the_callers_commands(licet, on, instance, attesting, monkeypatch):
    on(
        "organization",
        "add",
        "attester-1",
        "--name",
        "A",
        "--place",
        "US",
        "--attestation-key",
        attesting / "public.jwk",
    )
    monkeypatch.setenv("MY_KEY", instance.party_key("attested-1", "attester-1"))
    caller = ["--gateway", instance.gateway, "--key-env", "MY_KEY"]
    asked = licet("evidence", "nonce", *caller, "--json").json
    assert f"audience: {asked['audience']}" in licet("evidence", "nonce", *caller).out
    signing = ["--key", attesting / "private.jwk", "--issuer", "attester-1", "--audience", asked["audience"]]
    person = ["--subject", "attested-1", "--relation", "employee", "--status", "not_foreign_person"]
    token = attesting / "token"
    token.write_text(licet("attest", "sign", *signing, *person, "--nonce", asked["nonce"]).out)
    first = licet("evidence", "submit", token, *caller, "--json")
    assert on("record", "show", first.json["record"], "--json").json["kind"] == "evidence"
    again = licet("evidence", "submit", token, *caller, "--json")
    assert (again.code, again.error["code"]) == (1, "wrong_nonce")
    assert len(on("party", "show", "attested-1", "--json").json["standings"]) == 1


def test_a_key_that_is_not_one_gets_no_nonce(licet, instance, monkeypatch):
    monkeypatch.setenv("LICET_API_KEY", "lk_x_y")
    ran = licet("evidence", "nonce", "--gateway", instance.gateway, "--json")
    assert (ran.code, ran.error["code"]) == (1, "invalid_api_key")


def test_names_of_others_cannot_steer_the_terminal(on):
    on("organization", "add", "evil-1", "--name", "Evil [bold]\x1b]0;owned\x07", "--place", "US")
    out = on("organization", "list").out
    assert "[bold]" in out
    assert not {"\x1b", "\x07"} & set(out)


def test_records_are_found_by_what_was_asked(on):
    everything = on("record", "list", "--json", "--limit", "1000").json
    assert [row["index"] for row in everything] == list(reversed(range(len(everything))))
    middle = everything[len(everything) // 2]["at"]
    since = on("record", "list", "--since", middle, "--limit", "1000", "--json").json
    until = on("record", "list", "--until", middle, "--limit", "1000", "--json").json
    assert since[-1]["at"] == middle
    assert len(since) + len(until) >= len(everything)
    assert all(parse_instant(row["at"]) < parse_instant(middle) for row in until)
    assert {row["kind"] for row in on("record", "list", "--kind", "startup", "--json").json} == {"startup"}
    assert len(on("record", "list", "--limit", "2", "--json").json) == 2
    assert on("record", "list", "--item", "never-named").out == "no record found\n"
    assert "administrative" in on("record", "list").out


def test_the_log_verifies_and_one_flipped_byte_is_located(on, licet, instance, tmp_path):
    whole = on("log", "verify", "--json")
    assert (whole.code, whole.json["whole"], whole.json["faults"]) == (0, True, [])
    assert on("log", "verify").out.endswith("the log is whole\n")
    kept = tmp_path / "kept"
    kept.write_text(on("log", "checkpoint").out)
    assert on("log", "verify", "--checkpoint", kept).code == 0
    copy = tmp_path / "copy.db"
    with sqlite3.connect(instance.directory / "log.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    place, entry = target.execute("SELECT place, entry FROM entries WHERE place = 3").fetchone()
    flipped = entry[:40] + bytes([entry[40] ^ 1]) + entry[41:]
    target.execute("UPDATE entries SET entry = ? WHERE place = ?", (flipped, place))
    target.commit()
    target.close()
    policy = instance.directory / "log.policy"
    ran = licet("log", "verify", "--file", copy, "--policy", policy, "--json")
    assert ran.code == 1
    assert [(fault["what"], fault["index"]) for fault in ran.json["faults"]] == [("altered_entry", 3)]
    assert "1 fault(s) found" in licet("log", "verify", "--file", copy, "--policy", policy).out
    damaged = [
        row for row in licet("record", "list", "--file", copy, "--json", "--limit", "9999").json if row["damaged"]
    ]
    assert [row["index"] for row in damaged] in ([], [3])  # the byte may leave JSON that reads


def test_a_receipt_is_given_and_verified_by_whoever_has_the_trust_file(on, licet, instance, tmp_path):
    newest = on("record", "list", "--limit", "1", "--json").json[0]
    receipt, policy = tmp_path / "r.tlog-proof", instance.directory / "log.policy"
    receipt.write_text(on("record", "receipt", newest["id"]).out)
    shown = licet("receipt", "verify", receipt, "--policy", policy, "--json").json
    assert (shown["verified"], shown["index"], json.loads(shown["entry"])["id"]) == (
        True,
        newest["index"],
        newest["id"],
    )
    assert licet("receipt", "verify", receipt, "--policy", policy).out.endswith("the receipt is verified\n")
    receipt.write_text(receipt.read_text().replace("index ", "index 1"))
    assert licet("receipt", "verify", receipt, "--policy", policy).code == 1


def test_the_log_is_exported_and_verified_as_files(on, licet, instance, tmp_path):
    size = on("log", "export-tiles", tmp_path / "tiles", "--json").json["size"]
    policy = instance.directory / "log.policy"
    ran = licet("log", "verify", "--tiles", tmp_path / "tiles", "--policy", policy, "--json")
    assert (ran.code, ran.json["whole"], ran.json["size"]) == (0, True, size)
    assert "nothing to carry over" in on("log", "migrate").out


def test_a_stop_takes_less_than_a_second_as_a_process(instance):
    """The best of three: other tests may be using the machine."""
    command = [sys.executable, "-m", "licet", "stop", "mythos-5", "--dir", str(instance.directory)]
    took = []
    while not took or (min(took) >= 1 and len(took) < 3):
        began = time.monotonic()
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        took.append(time.monotonic() - began)
        assert ran.returncode == 0, ran.stderr
    instance.act("/resume", {"items": ["mythos-5"]})
    assert min(took) < 1


def test_an_interrupt_ends_with_130_and_no_traceback(instance):
    """Ctrl-C while the instance does not answer."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "licet", "status"],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LICET_CONTROL": url, "LICET_TOKEN": "t"},
        )
        connection, _ = silent.accept()
        threading.Timer(0.1, process.send_signal, (signal.SIGINT,)).start()
        _, err = process.communicate(timeout=10)
        connection.close()
    assert (process.returncode, err) == (130, "")


def test_json_is_json_everywhere(on):
    for arguments in (
        ("item", "list"),
        ("organization", "list"),
        ("party", "list"),
        ("key", "list"),
        ("license", "list"),
        ("directive", "list"),
        ("parameter", "list"),
        ("record", "list"),
        ("status",),
        ("log", "verify"),
    ):
        ran = on(*arguments, "--json")
        assert (ran.code, ran.err) == (0, ""), arguments
        json.dumps(ran.json)


def test_a_request_is_explained_to_an_officer(on, tmp_path, instance):
    on("item", "add", "toccata-1", "--upstream", "main")
    on("party", "add", "listener-9")
    file = tmp_path / "request.json"
    file.write_text('{"model": "toccata-1", "party": "listener-9"}')
    assert on("explain", file, "--json").json["outcome"] == "permit"
    assert "permit" in on("explain", file).out
    assert on("explain", file, "--binding", "dpop", "--place", "FR", "--json").json["outcome"] == "permit"
    assert on("explain", file, "--binding", "rope", "--json").error["code"] == "bad_binding"
    assert on("explain", file, "--place", "fr", "--json").error["code"] == "bad_country"
    file.write_text('{"model": "toccata-1"}')
    assert on("explain", file, "--json").error["code"] == "bad_key_owner"


def test_dated_data_of_the_law_are_shown_and_updated(on, tmp_path):
    assert {row["name"] for row in on("law", "list", "--json").json} == {"country_groups", "holidays", "listing_rules"}
    shown = on("law", "show", "listing_rules", "--json")
    file = tmp_path / "newer.json"
    file.write_text(shown.out)
    assert on("law", "update", "listing_rules", file).code == 0
    assert on("law", "show", "surprise", "--json").error["code"] == "unknown_law"
    assert "as_of" in on("law", "show", "country_groups").out
