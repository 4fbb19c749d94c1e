"""What `licet.toml` may not say, and states in which an instance refuses to start."""

import json
import os
import socket
import subprocess
import sys
from datetime import timedelta

import pytest

from instance_for_tests import configure, fresh_instance, single_person
from licet.app import Places, read_config
from licet.cli import run
from licet.errors import ConfigurationError, ConflictError, InputError
from licet.terms import Surface
from places_for_tests import short_directory
from standin_for_tests import stand_in

GOOD = """\
[instance]
id = "gateway-1"
audience = "licet-1"

[listen]
gateway = "127.0.0.1:0"

[limits]
idle_s = 60

[upstreams.main]
base_url = "http://127.0.0.1:9000"
dialects = ["openai"]
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "licet.toml"


def test_a_good_file(file):
    file.write_text(GOOD)
    config = read_config(file)
    assert (config.gateway_id, config.audience, config.limits.idle_s) == ("gateway-1", "licet-1", 60)
    assert (config.gateway.port, config.control.port) == (0, 8081)
    assert config.store_url == f"sqlite:///{file.parent.resolve()}/licet.db"
    assert [upstream.name for upstream in config.upstreams] == ["main"]


# What is put in place of a good line; the line and the key that are named; what is expected there.
WRONG = [
    ('id = "gateway-1"', 'id = "gateway 1"', 2, "instance.id", "[A-Za-z0-9-]{1,64}"),
    ('id = "gateway-1"', "id = 1", 2, "instance.id", "a text"),
    ('id = "gateway-1"', 'name = "gateway-1"', 2, "instance.name", "one of the keys audience, id"),
    ('audience = "licet-1"', 'audience = ""', 3, "instance.audience", "a text"),
    ("[listen]", "[lissen]", 5, "lissen", "one of the sections"),
    ('gateway = "127.0.0.1:0"', 'gateway = "127.0.0.1"', 6, "listen.gateway", "a host and a port"),
    ('gateway = "127.0.0.1:0"', 'gateway = "127.0.0.1:65536"', 6, "listen.gateway", "a host and a port"),
    ('gateway = "127.0.0.1:0"', 'gateway = ":80"', 6, "listen.gateway", "a host and a port"),
    ('gateway = "127.0.0.1:0"', 'control = "0.0.0.0:8081"', 6, "listen.control", "an address of this machine only"),
    ('gateway = "127.0.0.1:0"', 'control = "[::]:8081"', 6, "listen.control", "an address of this machine only"),
    ('gateway = "127.0.0.1:0"', 'control = "10.0.0.7:8081"', 6, "listen.control", "an address of this machine only"),
    ('gateway = "127.0.0.1:0"', 'control = "example.org:1"', 6, "listen.control", "an address of this machine only"),
    ("idle_s = 60", "idle_s = 0", 9, "limits.idle_s", "a whole number from 1 to 600"),
    ("idle_s = 60", "idle_s = 601", 9, "limits.idle_s", "a whole number from 1 to 600"),
    ("idle_s = 60", "idle_s = true", 9, "limits.idle_s", "a whole number from 1 to 600"),
    ("idle_s = 60", "idle_s = 1.5", 9, "limits.idle_s", "a whole number from 1 to 600"),
    ("idle_s = 60", "body_bytes = 999_999_999_999", 9, "limits.body_bytes", "a whole number from"),
    ("idle_s = 60", "commit_s = 60", 9, "limits.commit_s", "one of the keys"),
    # Counsel's readings are signed and recorded, never in a file.
    ("idle_s = 60", "policy_max_age_s = 60", 9, "limits.policy_max_age_s", "licet parameter set"),
    ('id = "gateway-1"', 'stale_policy = "serve"', 2, "instance.stale_policy", "licet parameter set"),
    ("[limits]", "[org_is_recipient]", 8, "org_is_recipient", "licet parameter set"),
    ("[upstreams.main]", "[upstream.main]", 11, "upstream", "one of the sections"),
    ('base_url = "http://127.0.0.1:9000"', 'url = "http://x"', 12, "upstreams.main.url", "one of the keys"),
    ('base_url = "http://127.0.0.1:9000"', 'base_url = "ftp://x"', 12, "upstreams.main.base_url", "a URL such as"),
    ('base_url = "http://127.0.0.1:9000"', 'base_url = "http://"', 12, "upstreams.main.base_url", "a URL such as"),
    ('base_url = "http://127.0.0.1:9000"', 'base_url = "http://u:p@x"', 12, "upstreams.main.base_url", "a URL such as"),
    ('base_url = "http://127.0.0.1:9000"', 'base_url = "http://x?key=1"', 12, "upstreams.main.base_url", "a URL such"),
    ('base_url = "http://127.0.0.1:9000"', 'base_url = "http://x:99999"', 12, "upstreams.main.base_url", "a URL such"),
    ('dialects = ["openai"]', 'dialects = ["openia"]', 13, "upstreams.main.dialects", "a list of openai"),
    ('dialects = ["openai"]', "dialects = []", 13, "upstreams.main.dialects", "a list of openai"),
    ('dialects = ["openai"]', "dialects = [1]", 13, "upstreams.main.dialects", "a list of openai"),
    ('dialects = ["openai"]', "dialects = [[]]", 13, "upstreams.main.dialects", "a list of openai"),
    ('dialects = ["openai"]', 'credential_header = "cookie"', 13, "upstreams.main.credential_header", "one of author"),
    ('dialects = ["openai"]', "credential_header = []", 13, "upstreams.main.credential_header", "one of author"),
    ('dialects = ["openai"]', 'credential = "sk-live"', 13, "upstreams.main.credential", "never the secret itself"),
    ('dialects = ["openai"]', 'credential = "env:"', 13, "upstreams.main.credential", "never the secret itself"),
    ('dialects = ["openai"]', 'credential = "env:NOT_SET"', 13, "upstreams.main.credential", "that holds the secret"),
    ('dialects = ["openai"]', 'credential = "file:none"', 13, "upstreams.main.credential", "that holds the secret"),
]


@pytest.mark.parametrize(("good", "wrong", "line", "key", "expected"), WRONG)
def test_a_mistake_is_told_with_its_file_line_key_and_what_was_expected(file, good, wrong, line, key, expected):
    assert good in GOOD
    file.write_text(GOOD.replace(good, wrong))
    with pytest.raises(ConfigurationError) as caught:
        read_config(file)
    text = str(caught.value)
    assert text.startswith(f"{file}:{line}: ")
    assert f"`{key}`" in text
    assert expected in text.partition("expected")[2]
    assert "sk-live" not in text


MORE = [
    ('[store]\nurl = "postgresql://x"\n', "store.url", "a file such as"),
    ('[store]\nurl = "sqlite:///:memory:"\n', "store.url", "a file such as"),
    ('[store]\nurl = "sqlite:///"\n', "store.url", "a file such as"),
    # The proxy has nothing to answer that names no model; an application of its own gives the gate its open paths.
    ('[gateway]\nopen_paths = ["GET /v1/models"]\n', "gateway.open_paths", "one of the keys"),
    (
        '[gateway]\ntrusted_proxies = ["10.0.0.0/24", "0.0.0.0/0"]\n',
        "gateway.trusted_proxies",
        "none of which is every",
    ),
    ('[gateway]\ntrusted_proxies = "10.0.0.0/24"\n', "gateway.trusted_proxies", "a list of networks"),
    ('[gateway]\ntrusted_proxies = ["10.0.0.1/24"]\n', "gateway.trusted_proxies", "a list of networks"),
    ("[gateway]\ntrusted_proxies = [10]\n", "gateway.trusted_proxies", "a list of networks"),
    ('[gateway]\naddress_header = "x-forwarded-for"\n', "gateway.address_header", "beside `trusted_proxies`"),
    (
        '[gateway]\ntrusted_proxies = ["10.0.0.0/24"]\naddress_header = "Forwarded"\n',
        "gateway.address_header",
        "lists addresses alone",
    ),
    ('[gateway]\npublic_url = "http://api.example"\n', "gateway.public_url", "a URL such as"),
    ('[gateway]\npublic_url = "https://u:sk-live@api.example"\n', "gateway.public_url", "a URL such as"),
    ('[gateway]\npublic_url = "https://api.example/?a=1"\n', "gateway.public_url", "a URL such as"),
    ("[place]\ndatabase = 1\n", "place.database", "a text"),
    ("[gateway]\nworkers = 0\n", "gateway.workers", "a whole number from 1 to 64"),
    ("[gateway]\nworkers = 65\n", "gateway.workers", "a whole number from 1 to 64"),
    ("[gateway]\nworkers = true\n", "gateway.workers", "a whole number from 1 to 64"),
    ("[gateway]\ndrain_s = -1\n", "gateway.drain_s", "seconds from 0 to 600"),
    ("[gateway]\ndrain_s = 601\n", "gateway.drain_s", "seconds from 0 to 600"),
    ("[place]\nmax_age_days = 0\n", "place.max_age_days", "a whole number from 1 to 365"),
    ("[place]\nmax_age_days = 366\n", "place.max_age_days", "a whole number from 1 to 365"),
    ('[upstreams]\nmain2 = "http://x"\n', "upstreams.main2", "a section"),
    ('[upstreams.main3]\nbase_url = "http://u:sk-live@x"\n', "upstreams.main3.base_url", "a URL such as"),
]


@pytest.mark.parametrize(("more", "key", "expected"), MORE)
def test_a_section_that_is_wrong(file, more, key, expected):
    file.write_text(GOOD + more)
    with pytest.raises(ConfigurationError) as caught:
        read_config(file)
    assert str(file) in str(caught.value)
    assert key in str(caught.value)
    assert expected in str(caught.value)
    assert "sk-live" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "upstreams"),
        ("[upstreams]\n", "at least one section"),
        ("upstreams = 3\n", "at least one section"),
        ("[upstreams.main]\n", "`upstreams.main.base_url`: expected a text"),
        ("[upstreams.main\n", "line 1"),
        ("a = 1\na = 2\n", "line 2"),
        ("idle_s = 3\n" + GOOD, ":1: `idle_s`: expected one of the sections"),
        ("stale_policy = 'deny'\n" + GOOD, "licet parameter set"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole(file, text, expected):
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_config(file)
    assert str(file) in str(caught.value)
    assert expected in str(caught.value)


def test_a_file_that_is_missing_or_not_text(file):
    with pytest.raises(ConfigurationError, match="licet init"):
        read_config(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_config(file)


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("http://inference.internal", True),
        ("http://10.0.0.7:9000", True),
        ("https://inference.internal", False),
        ("http://127.0.0.1:9000", False),
        ("http://localhost:9000", False),
        ("http://[::1]:9000", False),
        ("http://127.0.0.1.example.org", True),
    ],
)
def test_a_credential_does_not_leave_the_machine_in_the_clear(file, monkeypatch, url, refused):
    monkeypatch.setenv("UPSTREAM_KEY", "sk-live")
    file.write_text(GOOD.replace("http://127.0.0.1:9000", url) + 'credential = "env:UPSTREAM_KEY"\n')
    if refused:
        with pytest.raises(ConfigurationError, match="since a credential is sent there") as caught:
            read_config(file)
        assert "sk-live" not in str(caught.value)
    else:
        assert read_config(file).upstreams[0].credential == "sk-live"


@pytest.mark.parametrize(("mode", "refused"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_credential_in_a_file_is_its_owners_alone(file, mode, refused):
    secret = file.parent / "upstream"
    secret.write_text("sk-live\n")
    secret.chmod(mode)
    file.write_text(GOOD + 'credential = "file:upstream"\n')
    if refused:
        with pytest.raises(ConfigurationError, match="readable by its owner only"):
            read_config(file)
    else:
        assert read_config(file).upstreams[0].credential == "sk-live"


# Whole instances.


@pytest.fixture
def directory():
    with short_directory() as made:
        single_person(made)
        configure(made, "http://127.0.0.1:9")
        yield made


def serve(directory):
    """Try to serve, and give the code and the message with which it refused."""
    done = subprocess.run(
        [sys.executable, "-m", "licet", "serve", "--dir", str(directory), "--json"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stderr.strip().splitlines()[-1])["error"]


def spoil_mode(name):
    def spoil(places):
        (places.secrets / name).chmod(0o644)

    return spoil


def remove(name):
    def spoil(places):
        (places.directory / name).unlink()

    return spoil


def write(name, text):
    def spoil(places):
        path = places.directory / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o600)

    return spoil


REFUSALS = [
    (spoil_mode("pepper"), "0600"),
    (spoil_mode("policy.jwk"), "0600"),
    (remove("secrets/pepper"), "pepper"),
    (write("secrets/pepper", "not hexadecimal"), "pepper"),
    (write("secrets/pepper", ""), "pepper"),
    (write("secrets/pepper", "abcd"), "pepper"),
    (write("secrets/policy.jwk", "{"), "policy.jwk"),
    (write("secrets/policy.jwk", '{"kty":"oct","k":"AAAA"}'), "policy.jwk"),
    (write("policy.epoch", "41"), "at least epoch `41`"),
    (write("policy.epoch", "soon"), "policy.epoch"),
    (write("licet.db", ""), "licet init"),
    (write("licet.db", "not a database at all, but long enough to be read as a header of one"), "licet init"),
    (write("log.db", "not a database at all, but long enough to be read as a header of one"), "log"),
    (write("licet.toml", GOOD + "[limits2]\n"), "licet.toml:14"),
]


@pytest.mark.parametrize(("spoil", "expected"), REFUSALS)
def test_an_instance_in_a_bad_state_refuses_to_start(directory, spoil, expected):
    spoil(Places(directory))
    assert expected in serve(directory)["message"]


def test_the_command_says_why_it_refuses(directory):
    Places(directory).pepper.chmod(0o644)
    refused = serve(directory)
    assert refused["code"] == "invalid_configuration"
    assert "0600" in refused["message"]


def test_an_address_that_is_taken_refuses_to_start(directory):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = directory / "licet.toml"
        path.write_text(path.read_text().replace('gateway = "127.0.0.1:0"', f'gateway = "127.0.0.1:{port}"'))
        refused = serve(directory)
    assert refused["code"] == "cannot_listen"
    assert str(port) in refused["message"]


def test_one_directory_is_served_once():
    with stand_in() as upstream, short_directory() as made, fresh_instance(made, upstream.url) as first:
        assert serve(made)["code"] == "already_served"
        assert json.loads((made / "run" / "instance.json").read_text())["pid"] == first.process.pid
        assert int(first.gateway.rpartition(":")[2]) != 0
        first.items("open-1")
        assert first.chat(first.party_key("P1"), "open-1").status == 200
    assert not (made / "run" / "instance.json").exists()


def test_an_instance_is_made_in_an_empty_directory_only(tmp_path):
    single_person(tmp_path / "i")
    with pytest.raises(ConflictError, match="new or empty"):
        single_person(tmp_path / "i")
    (tmp_path / "j").mkdir()
    (tmp_path / "j" / ".hidden").touch()
    with pytest.raises(ConflictError):
        single_person(tmp_path / "j")
    (tmp_path / "file").touch()
    with pytest.raises(InputError):
        single_person(tmp_path / "file")
    with pytest.raises(InputError):
        single_person(tmp_path / "k", "not an id")


def test_everything_secret_is_the_owners_alone(tmp_path):
    before = os.umask(0)
    try:
        token_file = single_person(tmp_path / "i")
    finally:
        os.umask(before)
    places = Places(tmp_path / "i")
    modes = {
        path: path.stat().st_mode & 0o777
        for path in (places.directory, places.secrets, places.administrator_token, places.pepper, places.policy_key)
    }
    assert set(modes.values()) == {0o700, 0o600}
    assert {modes[places.directory], modes[places.secrets]} == {0o700}
    assert (places.directory / "licet.db").stat().st_mode & 0o077 == 0
    assert places.administrator_token == token_file


@pytest.mark.parametrize(
    ("line", "surface", "header"),
    [
        ("", Surface.OPENAI, {"authorization": "Bearer sk-live"}),
        ("", Surface.ANTHROPIC, {"x-api-key": "sk-live"}),
        ("", Surface.GEMINI, {"x-goog-api-key": "sk-live"}),
        ('credential_header = "api-key"\n', Surface.OPENAI, {"api-key": "sk-live"}),
        ('credential_header = "authorization"\n', Surface.GEMINI, {"authorization": "Bearer sk-live"}),
    ],
)
def test_a_credential_goes_where_the_upstream_reads_it(file, monkeypatch, line, surface, header):
    monkeypatch.setenv("UPSTREAM_KEY", "sk-live")
    file.write_text(GOOD + line + 'credential = "env:UPSTREAM_KEY"\n')
    assert read_config(file).upstreams[0].authorization(surface) == header


def test_metrics_and_the_access_log_by_default(file):
    file.write_text(GOOD)
    config = read_config(file)
    assert (config.metrics_public, config.metrics_token, config.access_log) == (False, None, True)


def test_what_is_said_of_metrics_and_the_access_log(file):
    secret = file.parent / "metrics"
    secret.write_text("a planted secret\n")
    secret.chmod(0o600)
    file.write_text(GOOD + '\n[metrics]\ntoken = "file:metrics"\n\n[logging]\naccess = false\n')
    config = read_config(file)
    assert (config.metrics_public, config.metrics_token, config.access_log) == (False, "a planted secret", False)


@pytest.mark.parametrize(
    ("lines", "key", "expected"),
    [
        ("[logging]\naccess = 1", "logging.access", "true or false"),
        ('[metrics]\npublic = "yes"', "metrics.public", "true or false"),
        ('[metrics]\npublic = true\ntoken = "env:PATH"', "metrics.public", "no token beside it"),
        ('[metrics]\ntoken = "a planted secret"', "metrics.token", "a reference"),
        ('[metrics]\ntoken = "env:LICET_NOT_SET"', "metrics.token", "that holds the secret"),
        ("[metrics]\nport = 9090", "metrics.port", "one of the keys public, token"),
        ("metrics = 1", "metrics", "one of the sections"),
    ],
)
def test_what_may_not_be_said_of_metrics_and_the_access_log(file, lines, key, expected):
    top = lines.startswith("metrics")
    file.write_text(f"{lines}\n{GOOD}" if top else f"{GOOD}\n{lines}\n")
    with pytest.raises(ConfigurationError) as caught:
        read_config(file)
    assert f"`{key}`: expected" in str(caught.value)
    assert expected in str(caught.value)
    assert "planted" not in str(caught.value)


def test_a_proposal_can_be_approved_for_a_day_unless_something_else_is_said(file):
    file.write_text(GOOD)
    assert read_config(file).pending == timedelta(days=1)
    for seconds in (60, 30 * 86_400):
        file.write_text(f"{GOOD}\n[people]\npending_s = {seconds}\n")
        assert read_config(file).pending == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["59", "2592001", "0", "-1", "true", '"60"', "60.5"])
def test_for_how_long_a_proposal_cannot_be_approved(file, value):
    file.write_text(f"{GOOD}\n[people]\npending_s = {value}\n")
    with pytest.raises(ConfigurationError, match=r"`people.pending_s`: expected seconds from 60 to 2592000"):
        read_config(file)


@pytest.mark.parametrize(
    ("text", "workers", "drain_s"), [("", 1, 30), ("[gateway]\nworkers = 64\ndrain_s = 0\n", 64, 0)]
)
def test_how_many_workers_there_are_and_how_long_one_may_take_to_leave(file, text, workers, drain_s):
    file.write_text(f"{GOOD}\n{text}")
    config = read_config(file)
    assert (config.workers, config.drain_s) == (workers, drain_s)


@pytest.mark.parametrize("workers", ["0", "65", "-1", "two"])
def test_the_command_takes_as_many_workers_as_the_file_may_say(directory, workers, capsys):
    assert run(["serve", "--dir", str(directory), "--workers", workers, "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "usage"
