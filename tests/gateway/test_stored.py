"""Objects that an upstream keeps are their owner's, and are decided on again whenever they are read."""

import io
import json
from datetime import UTC, datetime

import anthropic
import openai
import pytest

from instance_for_tests import call, fresh_instance, serving
from licet.app.backup import back_up, restore
from licet.dialects import ObjectKind
from licet.gateway import Objects
from licet.terms import Surface
from places_for_tests import short_directory
from sdks_for_tests import client
from standin_for_tests import eventually

OPENAI, ANTHROPIC, _ = Surface
CHAT = "/v1/chat/completions"
AT = datetime(2026, 6, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def keys(instance):
    instance.items("open-1", "open-2", "mythos-5")
    return {name: instance.party_key(name) for name in ("P1", "P2")}


@pytest.fixture
def sdk(instance, keys):
    with client(OPENAI, instance.gateway, keys["P1"]) as found:
        yield found


@pytest.fixture
def stranger(instance, keys):
    with client(OPENAI, instance.gateway, keys["P2"]) as found:
        yield found


@pytest.fixture
def claude(instance, keys):
    with client(ANTHROPIC, instance.gateway, keys["P1"]) as found:
        yield found


@pytest.fixture
def stopping(instance):
    stopped = []

    def stop():
        instance.act("/stop", {"items": ["mythos-5"]})
        stopped.append("mythos-5")

    def resume():
        if stopped:
            instance.act("/resume", {"items": [stopped.pop()]})

    stop.undo = resume
    yield stop
    resume()


def line(model, number=1, url=CHAT):
    return json.dumps({"custom_id": str(number), "method": "POST", "url": url, "body": {"model": model}})


def upload(sdk, *models, purpose="batch"):
    text = "\n".join(line(model, number) for number, model in enumerate(models, 1)) + "\n"
    return sdk.files.create(file=("lines.jsonl", io.BytesIO(text.encode())), purpose=purpose).id


def begin(sdk, *models):
    return sdk.batches.create(input_file_id=upload(sdk, *models), endpoint=CHAT, completion_window="24h")


def code_of(caught):
    return caught.value.body["code"]


def shape(answer):
    own = {"date", "licet-decision", "licet-overhead-ms"}
    body = answer.body.replace(answer.headers.get("licet-decision", "\0").encode(), b"ID")
    return answer.status, {k: v for k, v in answer.headers.items() if k not in own}, body


# Answers.


@pytest.mark.parametrize("stream", [False, True])
def test_a_stored_answer_is_read_again_by_its_owner_alone(sdk, stranger, stream):
    made = sdk.responses.create(model="open-1", input="hi", stream=stream)
    name = next(iter(made)).response.id if stream else made.id
    if stream:
        made.close()
    assert sdk.responses.retrieve(name).id == name
    assert sdk.responses.input_items.list(name).data == []
    with pytest.raises(openai.NotFoundError) as caught:
        stranger.responses.retrieve(name)
    assert code_of(caught) == "object_not_found"


def test_another_s_object_is_as_one_that_is_not_there(instance, keys, sdk, upstream):
    name = sdk.responses.create(model="open-1", input="hi").id
    upstream.forget()
    headers = {"authorization": f"Bearer {keys['P2']}"}
    theirs = call(f"{instance.gateway}/v1/responses/{name}", headers=headers)
    nobodys = call(f"{instance.gateway}/v1/responses/resp_9999999", headers=headers)
    assert theirs.status == 404
    assert shape(theirs) == shape(nobodys)
    assert upstream.log() == []


def test_an_answer_that_is_not_stored_is_not_remembered(sdk):
    name = sdk.responses.create(model="open-1", input="hi", store=False).id
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(name)


def test_what_a_stopped_item_made_is_not_read_again_and_may_be_deleted_later(sdk, stopping):
    name = sdk.responses.create(model="mythos-5", input="hi").id
    stopping()
    with pytest.raises(openai.PermissionDeniedError) as caught:
        sdk.responses.retrieve(name)
    assert code_of(caught) == "item_stopped"
    stopping.undo()
    sdk.responses.delete(name)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(name)


def test_an_answer_is_continued_on_what_made_it_and_on_its_own_model(sdk, stranger, stopping, upstream):
    name = sdk.responses.create(model="mythos-5", input="hi").id
    assert sdk.responses.create(model="open-1", input="go on", previous_response_id=name).id
    with pytest.raises(openai.NotFoundError):
        stranger.responses.create(model="open-1", input="go on", previous_response_id=name)
    stopping()
    upstream.forget()
    with pytest.raises(openai.PermissionDeniedError):
        sdk.responses.create(model="open-1", input="go on", previous_response_id=name)
    assert upstream.log() == []


def test_reading_an_answer_again_is_on_record(instance, sdk):
    name = sdk.responses.create(model="open-1", input="hi").id
    number = sdk.responses.with_raw_response.retrieve(name).headers["licet-decision"]
    found = eventually(lambda: [x for x in instance.records(kind="decision") if x["id"] == number])
    assert (found[0]["body"]["item"], found[0]["body"]["act"]) == ("open-1", "inference")


# Files and batches.


def test_a_file_is_its_owner_s(sdk, stranger):
    name = upload(sdk, "open-1")
    assert sdk.files.retrieve(name).id == name
    assert b"open-1" in sdk.files.content(name).content
    assert name in [one.id for one in sdk.files.list()]
    assert name not in [one.id for one in stranger.files.list()]
    for reach in (stranger.files.retrieve, stranger.files.content, stranger.files.delete):
        with pytest.raises(openai.NotFoundError):
            reach(name)
    assert sdk.files.delete(name).deleted
    with pytest.raises(openai.NotFoundError):
        sdk.files.content(name)


def test_a_batch_is_decided_on_every_line_of_its_file(sdk, upstream, stopping, stranger):
    stopping()
    good, mixed, unknown = upload(sdk, "open-1"), upload(sdk, "open-1", "mythos-5", "mythos-5"), upload(sdk, "none-1")
    upstream.forget()
    with pytest.raises(openai.PermissionDeniedError) as refused:
        sdk.batches.create(input_file_id=mixed, endpoint=CHAT, completion_window="24h")
    assert "line 2, 3" in str(refused.value)
    for name, whose in ((unknown, sdk), (good, stranger), ("file-999999", sdk)):
        with pytest.raises(openai.NotFoundError):
            whose.batches.create(input_file_id=name, endpoint=CHAT, completion_window="24h")
    with pytest.raises(openai.BadRequestError):
        sdk.batches.create(input_file_id=good, endpoint="/v1/responses", completion_window="24h")
    assert upstream.log() == []
    assert sdk.batches.create(input_file_id=good, endpoint=CHAT, completion_window="24h").status == "in_progress"


BAD_LINES = {
    "another route": line("open-1", url="/v1/threads/runs"),
    "no model": '{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{}}',
    "two models": '{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"model":"a","Model":"b"}}',
    "two bodies": line("open-1")[:-1] + ',"body":{"model":"mythos-5"}}',
    "fallbacks": line("open-1")[:-2] + ',"fallbacks":["mythos-5"]}}',
    "an earlier answer": line("open-1")[:-2] + ',"previous_response_id":"resp_1"}}',
    "an end of line that some readers know": line("open-1")[:-1] + ',"x":"\u2028"}',
    "a method of reading": line("open-1").replace("POST", "GET"),
    "an empty line": "\n" + line("open-1"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_line_that_could_be_read_otherwise_is_refused_when_it_is_sent(sdk, upstream, name):
    text = (line("open-1") + "\n" + BAD_LINES[name]).encode()
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.files.create(file=("lines.jsonl", io.BytesIO(text)), purpose="batch")
    assert "line 2" in str(caught.value)
    assert upstream.log() == []


def test_results_are_released_like_answers(sdk, stranger, upstream, stopping):
    batch = begin(sdk, "mythos-5")
    call(f"{upstream.url}/__finish/{batch.id}", b"", method="POST")
    output = sdk.batches.retrieve(batch.id).output_file_id
    assert b"status_code" in sdk.files.content(output).content
    with pytest.raises(openai.NotFoundError):
        stranger.files.content(output)
    stopping()
    with pytest.raises(openai.PermissionDeniedError):
        sdk.files.content(output)


def cancelled(upstream, name):
    return [seen for seen in upstream.log() if name in seen["path"] and seen["path"].endswith("/cancel")]


def test_a_running_batch_is_cancelled_when_its_permit_ends(instance, sdk, upstream, stopping):
    batch, other = begin(sdk, "open-1", "mythos-5"), begin(sdk, "open-1")
    assert cancelled(upstream, batch.id) == []
    stopping()
    eventually(lambda: cancelled(upstream, batch.id))
    assert cancelled(upstream, other.id) == []
    codes = eventually(
        lambda: found if len(found := [x["body"]["code"] for x in instance.records(kind="stream_cut")]) >= 2 else None
    )
    assert {"item_stopped", "upstream_cancelled"} <= set(codes)


def test_a_batch_that_has_ended_is_left_alone(sdk, upstream, stopping):
    batch = begin(sdk, "mythos-5")
    call(f"{upstream.url}/__finish/{batch.id}", b"", method="POST")
    assert sdk.batches.retrieve(batch.id).status == "completed"
    marker = begin(sdk, "mythos-5")
    stopping()
    eventually(lambda: cancelled(upstream, marker.id))
    assert cancelled(upstream, batch.id) == []


def test_a_list_has_only_its_owner_s_and_goes_on_page_by_page(sdk, stranger):
    names = [begin(sdk, "open-2").id for _ in range(3)]
    assert [one.id for one in sdk.batches.list(limit=2)][:3] == names[::-1]
    assert names[0] not in [one.id for one in stranger.batches.list()]


def test_a_batch_outlives_its_instance_and_not_its_permit(upstream):
    with short_directory() as directory:
        with fresh_instance(directory, upstream.url) as first:
            first.items("mythos-5")
            key = first.party_key("P1")
            with client(OPENAI, first.gateway, key) as sdk:
                batch = begin(sdk, "mythos-5")
        with serving(directory) as second:
            assert cancelled(upstream, batch.id) == []
            second.act("/stop", {"items": ["mythos-5"]})
            eventually(lambda: cancelled(upstream, batch.id))


# Batches of messages.


def messages(*models):
    return [
        {
            "custom_id": str(number),
            "params": {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
        }
        for number, model in enumerate(models)
    ]


def test_a_batch_of_messages_is_decided_on_each_and_its_results_again(claude, upstream, stopping):
    batch = claude.messages.batches.create(requests=messages("open-1", "mythos-5"))
    assert claude.messages.batches.retrieve(batch.id).processing_status == "in_progress"
    call(f"{upstream.url}/__finish/{batch.id}", b"", method="POST")
    assert [one.custom_id for one in claude.messages.batches.results(batch.id)] == ["1"]
    assert batch.id in [one.id for one in claude.messages.batches.list()]
    stopping()
    with pytest.raises(anthropic.PermissionDeniedError):
        claude.messages.batches.results(batch.id)
    upstream.forget()
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        claude.messages.batches.create(requests=messages("open-1", "mythos-5"))
    assert "line 2" in str(caught.value)
    assert upstream.log() == []


def test_a_running_batch_of_messages_is_cancelled_when_its_permit_ends(claude, upstream, stopping):
    batch = claude.messages.batches.create(requests=messages("mythos-5"))
    stopping()
    eventually(lambda: cancelled(upstream, batch.id))


# Tuning.


def tune(sdk, model, file=None):
    return sdk.fine_tuning.jobs.create(model=model, training_file=file or upload(sdk, "x", purpose="fine-tune"))


def test_tuning_is_decided_on_its_base_and_so_is_what_it_makes(instance, sdk, stranger, upstream, stopping):
    job = tune(sdk, "mythos-5")
    call(f"{upstream.url}/__finish/{job.id}", b"", method="POST")
    tuned = sdk.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    ask = {"model": tuned, "messages": [{"role": "user", "content": "hi"}]}
    assert sdk.chat.completions.create(**ask).choices
    assert tuned in [one.id for one in sdk.models.list()]
    assert tuned not in [one.id for one in stranger.models.list()]
    assert job.id in [one.id for one in sdk.fine_tuning.jobs.list()]
    with pytest.raises(openai.NotFoundError):
        stranger.chat.completions.create(**ask)
    stopping()
    assert tuned not in [one.id for one in sdk.models.list()]
    upstream.forget()
    with pytest.raises(openai.PermissionDeniedError):
        sdk.chat.completions.create(**ask)
    file = upload(sdk, "x", purpose="fine-tune")
    upstream.forget()
    with pytest.raises(openai.PermissionDeniedError):
        tune(sdk, "mythos-5", file)
    with pytest.raises(openai.NotFoundError):
        tune(stranger, "open-1", file)
    with pytest.raises(openai.BadRequestError):
        sdk.fine_tuning.jobs.create(
            model="open-1", training_file=file, method={"type": "dpo", "dpo": {"model": "mythos-5"}}
        )
    assert upstream.log() == []


# The map.


def test_the_map_is_its_owner_s_alone_to_read_and_in_every_copy(upstream, tmp_path):
    with short_directory() as directory:
        with fresh_instance(directory, upstream.url) as found:
            found.items("open-1")
            with client(OPENAI, found.gateway, found.party_key("P1")) as sdk:
                name = upload(sdk, "open-1")
            assert (directory / "objects.db").stat().st_mode & 0o777 == 0o600
            back_up(directory, tmp_path / "copy.tar", tmp_path / "keys.tar", AT)
        restore(tmp_path / "copy.tar", tmp_path / "keys.tar", tmp_path / "again")
    objects = Objects(tmp_path / "again" / "objects.db", AT)
    kept = objects.find(ObjectKind.FILE, name, "party:P1")
    objects.close()
    assert [use.model for use in kept.uses] == ["open-1"]
