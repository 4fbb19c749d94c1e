"""How commands are understood, and how errors are told, where no instance is needed."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from directives_for_tests import directive
from licet.cli.commands import _MODULES

NOT_UNDERSTOOD = [
    ("bogus",),
    ("item",),
    ("item", "bogus"),
    ("item", "add"),
    ("item", "add", "m"),
    ("status", "--bogus"),
    ("status", "extra"),
    ("status",),  # nothing says which instance
    ("serve",),
    ("stop", "fable-5", "--all"),
    ("key", "issue"),
    ("key", "issue", "--party", "p", "--organization", "o"),
    ("key", "issue", "--party", "p", "--serves", "people"),
    ("key", "issue", "--organization", "o"),
    ("key", "issue", "--organization", "o", "--serves", "robots"),
    ("license", "grant", "L", "--from", "2026-06-20T00:00:00Z", "--until", "2026-06-21T00:00:00Z"),  # no item
    ("record", "list"),
    ("record", "list", "--kind", "bogus", "--file", "x"),
    ("record", "list", "--limit", "0", "--file", "x"),
    ("record", "show"),
    ("log", "verify", "--file", "x", "--head", "3"),
    ("log", "verify", "--file", "x", "--head", "3:00"),
    ("log", "verify", "--file", "x", "--head", "-1:" + "00" * 32),
    ("parameter", "set", "macau", "literal"),  # no reason
    ("evidence", "nonce", "--gateway", "http://127.0.0.1:1"),  # no key
    ("evidence", "submit", "--gateway", "http://127.0.0.1:1"),
    ("attest", "keygen", "--kid", "k"),
    ("directive", "check"),
]


@pytest.mark.parametrize("arguments", NOT_UNDERSTOOD, ids=" ".join)
def test_a_command_that_is_not_understood_exits_with_2_and_one_line(licet, arguments):
    ran = licet(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert ran.err.endswith("[usage]\n")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("arguments", NOT_UNDERSTOOD, ids=" ".join)
def test_with_json_the_error_is_one_object_on_the_error_channel(licet, arguments):
    ran = licet(*arguments, "--json")
    assert (ran.code, ran.out, ran.error["code"]) == (2, "", "usage")


def test_no_arguments_show_the_help_and_are_no_success(licet):
    ran = licet()
    assert ran.code == 2
    assert "directive" in ran.out


@pytest.mark.parametrize("name", _MODULES)
def test_every_command_has_help_and_is_in_the_whole_list(licet, name):
    assert licet(name, "--help").code == 0
    assert f" {name} " in licet("--help").out


def test_the_version_is_printed(licet):
    assert licet("--version").out.startswith("licet 0.")


MISSING = [
    (("status", "--dir", "/nowhere"), "no_instance"),
    (("stop", "--dir", "/nowhere"), "no_instance"),
    (("serve", "--dir", "/nowhere"), "no_instance"),
    (("record", "list", "--dir", "/nowhere"), "no_instance"),
    (("record", "list", "--file", "/nowhere/log.db"), "log_unreadable"),
    (("log", "checkpoint", "--file", "/nowhere/log.db"), "log_unreadable"),
    (("log", "verify", "--policy", "/nowhere/log.policy"), "unreadable_file"),
    (("directive", "check", "/nowhere.yaml"), "unreadable_file"),
    (("attest", "keygen", "--out", "/nowhere/a", "--public", "/nowhere/b", "--kid", "k"), "unwritable_file"),
    (("attest", "keygen", "--out", "a", "--public", "b", "--kid", "k k"), "invalid_input"),
    (("init", "/proc/nowhere"), "invalid_input"),
]


@pytest.mark.parametrize(("arguments", "code"), MISSING, ids=lambda x: x if isinstance(x, str) else " ".join(x))
def test_what_is_missing_exits_with_1(licet, arguments, code):
    ran = licet(*arguments, "--json")
    assert (ran.code, ran.error["code"]) == (1, code)


def test_an_instance_that_is_not_served_says_how_to_serve_it(licet, tmp_path):
    assert licet("init", tmp_path / "i").code == 0
    ran = licet("status", "--dir", tmp_path / "i")
    assert ran.code == 1
    assert f"`licet serve --dir {tmp_path / 'i'}`" in ran.err


def test_an_announcement_of_a_process_that_died_says_the_same(licet, tmp_path):
    licet("init", tmp_path / "i", "--single-person")
    (tmp_path / "i" / "run").mkdir(exist_ok=True)
    (tmp_path / "i" / "run" / "instance.json").write_text('{"gateway":"","control":"http://127.0.0.1:1","pid":1}')
    assert licet("status", "--dir", tmp_path / "i", "--json").error["code"] == "not_running"
    (tmp_path / "i" / "run" / "instance.json").write_text("{")
    assert licet("status", "--dir", tmp_path / "i", "--json").error["code"] == "not_running"


@pytest.mark.parametrize(
    ("typed", "tokens"),
    [
        ((), {"officer-1": "tokens/officer-1.token", "officer-2": "tokens/officer-2.token"}),
        (("--single-person",), {"administrator": "admin.token"}),
        (("--single-person", "--administrator", "ada"), {"ada": "admin.token"}),
        (
            ("--administrator", "ada", "--administrator", "bo=officer", "--administrator", "cy=auditor"),
            {name: f"tokens/{name}.token" for name in ("ada", "bo", "cy")},
        ),
    ],
)
def test_init_keeps_its_secrets_from_others_and_from_the_terminal(licet, tmp_path, typed, tokens):
    ran = licet("init", tmp_path / "i", *typed, "--json")
    assert ran.json["tokens"] == {name: str(tmp_path / "i" / file) for name, file in tokens.items()}
    assert ("notice" in ran.json) == ("--single-person" in typed)
    for file in tokens.values():
        path = tmp_path / "i" / file
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text().strip() not in ran.out + ran.err
    assert (tmp_path / "i" / "tokens").exists() == (len(tokens) > 1)
    again = licet("init", tmp_path / "i", "--json")
    assert (again.code, again.error["code"]) == (1, "not_empty")


@pytest.mark.parametrize(
    ("named", "code"),
    [
        (("ada",), "too_few_officers"),
        (("ada", "bo=operator"), "too_few_officers"),
        (("ada", "bo=officer,auditor"), "bad_roles"),
        (("ada", "bo=", "cy"), "usage"),
        (("ada", "bo=clerk"), "usage"),
        (("ada", "Ada"), "usage"),
        (("ada", "b o"), "invalid_input"),
        (("ada", "b\x1bo"), "invalid_input"),
        (("ada", "bo\n"), "invalid_input"),
        (("ada", "../bo"), "invalid_input"),
        (("ada", ""), "invalid_input"),
    ],
)
def test_an_instance_that_nobody_could_loosen_or_whose_names_are_none_is_not_made(licet, tmp_path, named, code):
    options = [word for name in named for word in ("--administrator", name)]
    assert licet("init", tmp_path / "i", *options, "--json").error["code"] == code
    assert not (tmp_path / "i").exists()


def test_where_there_are_two_a_command_must_be_told_whose_act_it_is(licet, tmp_path, monkeypatch):
    licet("init", tmp_path / "i")
    (tmp_path / "i" / "run").mkdir(exist_ok=True)
    (tmp_path / "i" / "run" / "instance.json").write_text('{"gateway":"","control":"http://127.0.0.1:1","pid":1}')
    assert licet("status", "--dir", tmp_path / "i", "--json").error["code"] == "no_token"
    monkeypatch.setenv("LICET_ADMINISTRATOR", "officer-2")
    assert licet("status", "--dir", tmp_path / "i", "--json").error["code"] == "not_running"
    for name in ("officer-3", "../officer-2"):
        monkeypatch.setenv("LICET_ADMINISTRATOR", name)
        assert licet("status", "--dir", tmp_path / "i", "--json").error["code"] == "no_token"


def test_a_url_without_a_token_is_not_called(licet, monkeypatch):
    monkeypatch.setenv("LICET_CONTROL", "http://127.0.0.1:1")
    assert licet("status", "--json").error["code"] == "no_token"


def test_a_token_is_never_sent_over_plain_http_to_another_machine(licet, monkeypatch):
    monkeypatch.setenv("LICET_TOKEN", "secret")
    for url in ("http://192.0.2.1:8081", "http://example.com", "ftp://127.0.0.1/", "file:///etc/passwd", "http://[x"):
        monkeypatch.setenv("LICET_CONTROL", url)
        assert licet("status", "--json").error["code"] == "bad_url", url


def test_a_directive_file_is_checked_without_any_instance(licet, tmp_path):
    file = tmp_path / "d.yaml"
    file.write_text(directive(reconstruction=True))
    ran = licet("directive", "check", file, "--json")
    assert ran.code == 0
    assert (ran.json["id"], ran.json["reconstruction"], ran.json["checked_against_catalogue"]) == ("DIR-1", True, False)
    assert "forbid (principal" in ran.json["cedar"]
    shown = licet("directive", "check", file)
    assert "DIR-1" in shown.out
    assert "compared with no catalogue" in shown.out
    assert licet("directive", "check", file, "--cedar").out.startswith("// Directive DIR-1")


def test_the_faults_of_a_directive_come_one_a_line_with_file_and_line(licet, tmp_path):
    file = tmp_path / "d.yaml"
    file.write_text(directive(form="sung", received_at="yesterday"))
    ran = licet("directive", "check", file)
    *faults, last = ran.err.splitlines()
    assert ran.code == 1
    assert len(faults) == 2
    assert all(line.startswith(f"{file}:") and line.split(":")[1].isdigit() for line in faults)
    assert last == f"error: `{file}` has 2 faults [invalid_document]"
    error = licet("directive", "check", file, "--json").error
    assert (error["code"], error["file"]) == ("invalid_document", str(file))
    assert {fault["path"] for fault in error["faults"]} == {"form", "received_at"}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"a: [", b"id: \x1b]0;title\x07", b"x" * 5_000_000])
def test_a_file_that_is_no_directive_is_refused_in_words(licet, tmp_path, content):
    file = tmp_path / "d.yaml"
    file.write_bytes(content)
    ran = licet("directive", "check", file)
    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in ran.err
    assert "\x1b" not in ran.err
    assert "\x07" not in ran.err


def test_the_schema_is_printed_without_any_instance(licet):
    assert licet("directive", "schema", "--json").json["title"] == "A directive, as a file"


def test_the_command_and_the_module_are_the_same():
    for command in ([sys.executable, "-m", "licet"], [str(Path(sys.executable).with_name("licet"))]):
        ran = subprocess.run([*command, "item", "list", "--json"], capture_output=True, text=True, env={}, check=False)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert '"usage"' in ran.stderr


def test_a_reader_that_leaves_early_is_no_traceback():
    command = f"{sys.executable} -m licet directive schema | true"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("typed", [["stop"], ["directive", "activate", __file__], ["directive", "lift", "DIR-1"]])
def test_an_act_that_must_be_quick_does_not_wait_for_libraries_it_does_not_use(typed):
    """The brake, and an order that comes into force, must not import what the server and other commands need."""
    command = [*typed, "--dir", "/nowhere"]
    script = f"import sys, licet.cli; licet.cli.run({command!r}); print([m for m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for heavy in ("fastapi", "sqlalchemy", "cedarpy", "aiohttp", "jsonschema", "yaml", "matplotlib"):
        assert f"'{heavy}'" not in ran.stdout, heavy
