"""A copy of an instance that serves, and an instance of the copy: whole, apart from its keys, and stopped."""

import hashlib
import io
import json
import stat
import tarfile
import threading
from pathlib import Path

import pytest

from directives_for_tests import directive
from instance_for_tests import fresh_instance, serving, single_person
from licet.app.backup import back_up, restore
from licet.errors import ConfigurationError, ConflictError, InputError, TrustError
from licet.fleet import Clock
from log_samples import verified
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import eventually, stand_in


def made(directory, archive, keys):
    return back_up(directory, archive, keys, Clock().now())


def test_a_copy_taken_under_load_gives_an_instance_with_every_record_and_everything_stopped(tmp_path):
    archive, keys = tmp_path / "copy.tar", tmp_path / "keys.tar"
    with stand_in() as upstream, short_directory() as directory:
        with fresh_instance(directory, upstream.url) as instance:
            instance.items("fable-5", "open-1")
            key = Office(instance).employs("citizen", "not_foreign_person")
            instance.act("/directives", {"text": directive()})
            answered, over = [], threading.Event()

            def ask():
                while not over.is_set():
                    answered.append(instance.chat(key, "fable-5").headers["licet-decision"])

            askers = [threading.Thread(target=ask) for _ in range(4)]
            for asker in askers:
                asker.start()
            eventually(lambda: len(answered) > 20)
            before = list(answered)
            copied = made(directory, archive, keys)
            over.set()
            for asker in askers:
                asker.join()
        with short_directory() as other:
            restored = restore(archive, keys, other)
            assert restored == copied
            assert verified(other / "log.db").is_whole
            with serving(other) as again:
                assert set(before) <= {record["id"] for record in again.records(kind="decision")}
                assert again.chat(key, "fable-5").json["error"]["code"] == "item_stopped"
                assert again.chat(key, "open-1").json["error"]["code"] == "item_stopped"
                eventually(lambda: again.records(act="stop"), 10)
                again.act("/resume", {})
                eventually(lambda: again.chat(key, "fable-5").status == 200)
                assert again.chat(key, "open-1").status == 200


@pytest.fixture
def copied(tmp_path):
    directory = tmp_path / "one"
    single_person(directory)
    archive, keys = tmp_path / "copy.tar", tmp_path / "keys.tar"
    made(directory, archive, keys)
    return directory, archive, keys


def names(archive):
    with tarfile.open(archive) as tar:
        return set(tar.getnames())


def test_keys_and_tokens_are_apart_and_nobody_else_may_read_either(copied):
    directory, archive, keys = copied
    assert names(archive) == {"backup.json", "licet.db", "licet.toml", "log.policy", "policy.epoch"}
    inside = {"secrets/pepper", "secrets/policy.jwk", "secrets/log.keys", "admin.token"}
    assert names(keys) == {"backup.json", *inside}
    secrets = [(directory / name).read_text().strip().encode() for name in inside]
    assert not any(secret in archive.read_bytes() for secret in secrets)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (archive, keys)} == {0o600}


def test_what_is_restored_is_the_owners_alone(copied, tmp_path):
    _, archive, keys = copied
    restore(archive, keys, tmp_path / "two")
    every = [tmp_path / "two", *(tmp_path / "two").rglob("*")]
    assert [path for path in every if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_nothing_is_overwritten(copied, tmp_path):
    directory, archive, keys = copied
    with pytest.raises(ConflictError):
        made(directory, archive, tmp_path / "other.tar")
    with pytest.raises(ConflictError):
        made(directory, tmp_path / "other.tar", keys)
    assert not (tmp_path / "other.tar").exists()
    with pytest.raises(ConflictError):
        restore(archive, keys, directory)


def test_a_store_elsewhere_is_not_copied(copied, tmp_path):
    directory, *_ = copied
    config = directory / "licet.toml"
    config.write_text(config.read_text().replace("sqlite:///licet.db", f"sqlite:///{tmp_path}/elsewhere.db"))
    with pytest.raises(ConfigurationError, match=r"sqlite:///licet\.db"):
        made(directory, tmp_path / "a.tar", tmp_path / "b.tar")


def rewritten(archive: Path, change):
    """The archive with other members: `change` gets name to bytes, the manifest among them."""
    with tarfile.open(archive) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}
    order = change(members) or list(members)
    with tarfile.open(archive, "w") as tar:
        for name in order:
            info = tarfile.TarInfo(name)
            info.size = len(members[name])
            tar.addfile(info, io.BytesIO(members[name]))


def with_manifest(members, **over):
    members["backup.json"] = json.dumps(json.loads(members["backup.json"]) | over).encode()


def add(members, name, content=b"x"):
    files = json.loads(members["backup.json"])["files"]
    files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    with_manifest(members, files=files)
    members[name] = content


SPOILED = {
    "a file altered": lambda m: m.update({"policy.epoch": b"9"}),
    "a file taken away": lambda m: m.pop("policy.epoch") and None,
    "a file nobody named": lambda m: m.update({"notes.txt": b"x"}),
    "a name of its own": lambda m: add(m, "notes.txt"),
    "a way out": lambda m: add(m, "../outside"),
    "a way out of a folder": lambda m: add(m, "orders/../../outside.jws"),
    "an absolute name": lambda m: add(m, "/outside"),
    "a secret among the others": lambda m: add(m, "secrets/pepper"),
    "another format": lambda m: with_manifest(m, format="licet-backup/9"),
    "no files": lambda m: with_manifest(m, files=None),
    "no manifest": lambda m: m.update({"backup.json": b"{"}),
    "the manifest last": lambda m: [*(name for name in m if name != "backup.json"), "backup.json"],
    "another store": lambda m: add(m, "licet.db", b"not a database at all"),
}


@pytest.mark.parametrize("change", SPOILED.values(), ids=SPOILED)
def test_what_is_not_as_it_was_copied_makes_no_instance(copied, tmp_path, change):
    _, archive, keys = copied
    rewritten(archive, change)
    with pytest.raises((TrustError, InputError, ConfigurationError)):
        restore(archive, keys, tmp_path / "two")
    assert not (tmp_path / "two").exists()
    assert not (tmp_path / "outside").exists()


def test_the_archives_are_not_taken_for_each_other(copied, tmp_path):
    _, archive, keys = copied
    for one, other in ((keys, archive), (archive, archive), (keys, keys)):
        with pytest.raises((TrustError, InputError)):
            restore(one, other, tmp_path / "two")
    for text in (b"", b"not a tar", archive.read_bytes()[:700]):
        archive.write_bytes(text)
        with pytest.raises((TrustError, InputError)):
            restore(archive, keys, tmp_path / "two")
        assert not (tmp_path / "two").exists()
