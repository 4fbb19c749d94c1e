"""What a body asks for, and every body that two readers could read differently."""

import json
import time
import tracemalloc
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from licet.dialects import Asked, Route, match, read_body
from licet.dialects.scan import MEMBER_LIMIT
from licet.errors import InputError


def route(path, method="POST") -> Route:
    found = match(method, path.encode(), b"", {})
    assert found
    return found.route


CHAT, MESSAGES = route("/v1/chat/completions"), route("/v1/messages")
COUNT = route("/v1/messages/count_tokens")
GENERATE, STREAM = route("/v1beta/models/m:generateContent"), route("/v1beta/models/m:streamGenerateContent")
COUNT_GEMINI = route("/v1beta/models/m:countTokens")
RESPONSES, EMBED_EACH = route("/v1/responses"), route("/v1beta/models/m:batchEmbedContents")
JOBS = route("/v1/fine_tuning/jobs")

READ = [
    (CHAT, b'{"model":"m"}', Asked("m", stream=False)),
    (CHAT, b'{"model":"m","stream":true}', Asked("m", stream=True)),
    (CHAT, b'{"model":"m","stream":false}', Asked("m", stream=False)),
    (CHAT, b'{"model":"m","stream":null}', Asked("m", stream=False)),
    (CHAT, b' \r\n\t{ "stream" : true , "model"\n:\t"m" } \n', Asked("m", stream=True)),
    (CHAT, b'{"mod\\u0065l":"\\u006d"}', Asked("m", stream=False)),
    (CHAT, b'{"model":"m/\\"x\\" y"}', Asked('m/"x" y', stream=False)),
    (CHAT, '{"model":"é😀"}'.encode(), Asked("é😀", stream=False)),
    (CHAT, b'{"model":"\\ud83d\\ude00"}', Asked("😀", stream=False)),
    (CHAT, b'{"model":"' + b"m" * 256 + b'"}', Asked("m" * 256, stream=False)),
    # Only the top level counts.
    (CHAT, b'{"model":"m","messages":[{"model":"x","Model":"y","a":1,"a":2}]}', Asked("m", stream=False)),
    (CHAT, b'{"model":"m","metadata":{"stream":true,"models":[]},"x":"\\"model\\":\\"z\\""}', Asked("m", stream=False)),
    (CHAT, b'{"model":"m","tools":[{"type":"function","function":{"parameters":{"model":{}}}}]}', Asked("m", False)),
    (CHAT, b'{"model":"m","tools":null,"modalities":["text"]}', Asked("m", stream=False)),
    (CHAT, b'{"model":"m","n":1,"N_":2}', Asked("m", stream=False)),
    (MESSAGES, b'{"model":"m","stream":true,"tools":[]}', Asked("m", stream=True)),
    (COUNT, b'{"model":"m"}', Asked("m", stream=False)),
    (COUNT, b'{"model":"m","stream":true}', Asked("m", stream=False)),
    # The path decides.
    (GENERATE, b"{}", Asked("m", stream=False)),
    (GENERATE, b'{"model":"m"}', Asked("m", stream=False)),
    (GENERATE, b'{"model":"models/m","contents":[]}', Asked("m", stream=False)),
    (STREAM, b'{"contents":[]}', Asked("m", stream=True)),
    (STREAM, b'{"stream":false}', Asked("m", stream=True)),
    (COUNT_GEMINI, b"{}", Asked("m", stream=False)),
    # Items of an input that stand for themselves.
    (RESPONSES, b'{"model":"m","input":"hi","stream":true}', Asked("m", stream=True, stored=True)),
    (RESPONSES, b'{"model":"m"}', Asked("m", stream=False, stored=True)),
    (RESPONSES, b'{"model":"m","input":[]}', Asked("m", stream=False, stored=True)),
    (RESPONSES, b'{"model":"m","input":[{"role":"user","content":"hi"}]}', Asked("m", stream=False, stored=True)),
    (
        RESPONSES,
        b'{"model":"m","input":[{"type":"message","id":"x","model":1}]}',
        Asked("m", stream=False, stored=True),
    ),
    (
        RESPONSES,
        b'{"model":"m","input":[{"type":null,"role":"user","content":"item_reference"}]}',
        Asked("m", False, True),
    ),
    # Requests of which each names the model of the path, or none.
    (RESPONSES, b'{"model":"m","store":true}', Asked("m", stream=False, stored=True)),
    (RESPONSES, b'{"model":"m","store":null}', Asked("m", stream=False, stored=True)),
    (RESPONSES, b'{"model":"m","store":false}', Asked("m", stream=False)),
    (JOBS, b'{"model":"m","training_file":"f"}', Asked("m", stream=False, files=("f",))),
    (
        JOBS,
        b'{"model":"m","training_file":"f","validation_file":"v","method":{"type":"dpo","dpo":{"beta":1}}}',
        Asked("m", stream=False, files=("f", "v")),
    ),
    (EMBED_EACH, b"{}", Asked("m", stream=False)),
    (EMBED_EACH, b'{"requests":[]}', Asked("m", stream=False)),
    (EMBED_EACH, b'{"requests":[{"model":"models/m"},{"model":"m"},{"content":{}}]}', Asked("m", stream=False)),
]

IN_PARTS = [
    (RESPONSES, b'{"model":"m","input":[{"type":"item_reference","id":"x"}]}', "unsupported_member"),
    (RESPONSES, b'{"model":"m","input":[{"id":"x"}]}', "unsupported_member"),
    (RESPONSES, b'{"model":"m","input":[{"type":null,"id":"x"}]}', "unsupported_member"),
    (RESPONSES, b'{"model":"m","input":[{"type":null,"role":null}]}', "unsupported_member"),
    (RESPONSES, b'{"model":"m","input":[{"role":"user"},{"type":"item\\u005freference"}]}', "unsupported_member"),
    (RESPONSES, b'{"model":"m","input":[{"type":"item_reference","type":"message"}]}', "duplicate_member"),
    (RESPONSES, b'{"model":"m","input":[{"type":"message","Type":"item_reference"}]}', "duplicate_member"),
    (RESPONSES, b'{"model":"m","input":[1]}', "malformed_json"),
    (RESPONSES, b'{"model":"m","input":{"type":"item_reference"}}', "malformed_json"),
    (RESPONSES, b'{"model":"m","input":7}', "malformed_json"),
    (RESPONSES, b'{"model":"m","background":true}', "unsupported_member"),
    (RESPONSES, b'{"model":"m","previous_response_id":"r"}', "unsupported_member"),
    (JOBS, b'{"model":"m"}', "missing_file"),
    (JOBS, b'{"model":"m","training_file":1}', "missing_file"),
    (JOBS, b'{"model":"m","training_file":"f","validation_file":1}', "missing_file"),
    (JOBS, b'{"model":"m","training_file":"f","method":{"x":{"Grader":1}}}', "unsupported_member"),
    (JOBS, b'{"model":"m","training_file":"f","method":{"x":{"mod\\u0065l":1}}}', "unsupported_member"),
    (RESPONSES, b'{"model":"m","prompt":{"id":"p"}}', "unsupported_member"),
    (EMBED_EACH, b'{"requests":[{"model":"models/m"},{"model":"models/x"}]}', "unsupported_member"),
    (EMBED_EACH, b'{"requests":[{"model":"models/m","model":"models/x"}]}', "duplicate_member"),
    (EMBED_EACH, b'{"requests":[{"model":"models/m","Model":"models/x"}]}', "duplicate_member"),
    (EMBED_EACH, b'{"requests":[{"model":7}]}', "missing_model"),
    (EMBED_EACH, b'{"requests":[{"tunedModel":"x"}]}', "unsupported_member"),
    (EMBED_EACH, b'{"requests":[{"cachedContent":"x"}]}', "unsupported_member"),
    (EMBED_EACH, b'{"requests":[[]]}', "malformed_json"),
    (EMBED_EACH, b'{"requests":{}}', "malformed_json"),
    (EMBED_EACH, b'{"requests":[' + b",".join([b"{}"] * 1001) + b"]}", "unsupported_member"),
]


@pytest.mark.parametrize(("route_", "body", "code"), IN_PARTS)
def test_a_part_of_a_body_that_brings_another_model_is_refused(route_, body, code):
    with pytest.raises(InputError) as err:
        read_body(route_, body, "m" if "{model}" in route_.path else None)
    assert err.value.code == code


MALFORMED = [
    b"",
    b" ",
    b"null",
    b"[]",
    b'"model"',
    b"5",
    b"model=m",
    b'{"model":"m"',
    b'{"model":"m"}}',
    b'{"model":"m"}{"model":"x"}',
    b'{"model":"m"}x',
    b'{"model":"m"}\x00',
    b'{"model":"m",}',
    b'{"model":"m" "a":1}',
    b'{model:"m"}',
    b"{'model':'m'}",
    b'{"model":"m"/*x*/}',
    b'{"model":"m","a":NaN}',
    b'{"model":"m","a":[Infinity]}',
    b'{"model":"m","a":[-Infinity]}',
    b'{"model":"m","a":01}',
    b'{"model":"m","a":[+1]}',
    b'{"model":"m","a":[.5]}',
    b'{"model":"m","a":"\t"}',
    b'{"model":"m","a":["\\x"]}',
    b'{"model":"m","a":\x0b1}',
    b'\xef\xbb\xbf{"model":"m"}',
    '{"model":"m"}'.encode("utf-16"),
    '{"model":"m"}'.encode("utf-16-le"),
    '{"model":"m"}'.encode("utf-16-be"),
    '{"model":"m"}'.encode("utf-32"),
    # Not UTF-8: stray, overlong, cut off, a surrogate, beyond Unicode.
    b'{"model":"m\xff"}',
    b'{"model":"m","a":[{"b":"\xff"}]}',
    b'{"model":"m","\xff":1}',
    b'{"model":"m","a":"\xc0\xaf"}',
    b'{"model":"m","a":"\xe2\x82"}',
    b'{"model":"m","a":"\xed\xa0\x80"}',
    b'{"model":"m","a":"\xf4\x90\x80\x80"}',
    b'{"model":"m"}\xc3',
    # A surrogate without its pair: readers differ on what it becomes.
    b'{"model":"m\\ud800"}',
    b'{"model":"m\\ud800 and more"}',
    b'{"model":"m\\udc00"}',
    b'{"model":"m","a":["\\ud800 and more"]}',
    b'{"model":"m","\\ud800 and more":1}',
    # As deep as no reader goes.
    b"[" * 100_000,
    b'{"model":"m","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b'{"model":"m","tools":{}}',
    b'{"model":"m","tools":["x"]}',
    b'{"model":"m","tools":[[]]}',
]

DUPLICATE = [
    b'{"model":"m","model":"x"}',
    b'{"model":"m","model":"m"}',
    b'{"model":"m","mod\\u0065l":"x"}',
    b'{"mod\\u0065l":"x","model":"m"}',
    b'{"model":"m","Model":"x"}',
    b'{"MODEL":"x","model":"m"}',
    '{"model":"m","\uff4d\uff4f\uff44\uff45\uff4c":"x"}'.encode(),
    '{"model":"m","\u24dcodel":"x"}'.encode(),
    b'{"model":"m","\\uff2dodel":"x"}',
    b'{"model":"m","stream":false,"stream":true}',
    '{"model":"m","stream":false,"\u017ftream":true}'.encode(),
    b'{"model":"m","a":1,"a":12}',
    b'{"model":"m","a":12,"a":1}',
    b'{"model":"m","a":{},"b":[],"A":{}}',
    '{"model":"m","straße":1,"STRASSE":2}'.encode(),
    '{"model":"m","é":1,"e\u0301":2}'.encode(),
    '{"model":"m","k":1,"\u212a":2}'.encode(),
    b'{"model":"m","":1,"":2}',
]

MISSING = [
    b"{}",
    b'{"Model":"m"}',
    b'{"model ":"m"}',
    b'{"messages":[{"model":"m"}]}',
    b'{"model":null}',
    b'{"model":1}',
    b'{"model":["m"]}',
    b'{"model":{"id":"m"}}',
    b'{"model":true}',
    b'{"model":""}',
    b'{"model":"a\\nb"}',
    b'{"model":"a\\u0000"}',
    b'{"model":"a\\u200bb"}',
    '{"model":"a\u202eb"}'.encode(),
    b'{"model":"' + b"m" * 257 + b'"}',
]

UNSUPPORTED = [
    (CHAT, b'{"model":"m","models":["x"]}'),
    (CHAT, b'{"model":"m","Models":["x"]}'),
    (CHAT, b'{"model":"m","m\\u006fdels":["x"]}'),
    (CHAT, b'{"model":"m","fallbacks":[{"model":"x"}]}'),
    (CHAT, b'{"model":"m","FallBacks":[]}'),
    (CHAT, b'{"model":"m","fall_backs":[]}'),
    (CHAT, b'{"model":"m","fallback_models":[]}'),
    (CHAT, b'{"model":"m","route":"fallback"}'),
    (CHAT, b'{"model":"m","provider":{}}'),
    (CHAT, b'{"model":"m","extra_body":{"model":"x"}}'),
    (CHAT, b'{"model":"m","lora_path":"x"}'),
    (CHAT, b'{"model":"m","adapter-id":"x"}'),
    (CHAT, b'{"model":"m","draftModel":"x"}'),
    (CHAT, b'{"model":"m","moderation":{"model":"x"}}'),
    (CHAT, b'{"model":"m","previous_response_id":"x"}'),
    (CHAT, b'{"model":"m","stream":1}'),
    (CHAT, b'{"model":"m","stream":"true"}'),
    (CHAT, b'{"model":"m","Stream":true}'),
    (CHAT, b'{"model":"m","tools":[{"type":"x"},{"type":"advisor","model":"x"}]}'),
    (MESSAGES, b'{"model":"m","tools":[{"type":"advisor_20260301","name":"advisor","model":"x"}]}'),
    (MESSAGES, b'{"model":"m","tools":[{"type":"advisor_20260301","mod\\u0065l":"x"}]}'),
    (MESSAGES, b'{"model":"m","tools":[{"type":"advisor_20260301","Model":"x"}]}'),
    (MESSAGES, b'{"model":"m","tools":[{"type":"advisor_20260301","model":"x","model":null}]}'),
    (MESSAGES, b'{"model":"m","fallbacks":"default"}'),
    (MESSAGES, b'{"model":"m","fallback_credit_token":"x"}'),
    (MESSAGES, b'{"model":"m","thread":{"id":"x"}}'),
    (COUNT, b'{"model":"m","fallbacks":[]}'),
    (GENERATE, b'{"model":"x"}'),
    (GENERATE, b'{"model":"models/x"}'),
    (GENERATE, b'{"model":"models/models/m"}'),
    (GENERATE, b'{"model":"M"}'),
    (GENERATE, b'{"Model":"m"}'),
    (GENERATE, b'{"cachedContent":"cachedContents/x"}'),
    (GENERATE, b'{"cached_content":"cachedContents/x"}'),
    (STREAM, b'{"cachedContent":"cachedContents/x"}'),
    (COUNT_GEMINI, b'{"generateContentRequest":{"model":"models/x"}}'),
    (COUNT_GEMINI, b'{"generate_content_request":{"model":"models/x"}}'),
]


def refusal(route_, body, path_model=None):
    with pytest.raises(InputError) as caught:
        read_body(route_, body, path_model or ("m" if "{model}" in route_.path else None))
    return caught.value.code


@pytest.mark.parametrize(("route_", "body", "expected"), READ)
def test_read(route_, body, expected):
    assert read_body(route_, body, "m" if "{model}" in route_.path else None) == expected


@pytest.mark.parametrize("body", MALFORMED)
@pytest.mark.parametrize("route_", [CHAT, STREAM])
def test_malformed(route_, body):
    assert refusal(route_, body) == "malformed_json"


@pytest.mark.parametrize("body", DUPLICATE)
@pytest.mark.parametrize("route_", [CHAT, GENERATE])
def test_duplicate(route_, body):
    assert refusal(route_, body) == "duplicate_member"


@pytest.mark.parametrize("body", MISSING)
@pytest.mark.parametrize("route_", [CHAT, MESSAGES, COUNT])
def test_missing(route_, body):
    assert refusal(route_, body) == "missing_model"


@pytest.mark.parametrize(("route_", "body"), UNSUPPORTED)
def test_unsupported(route_, body):
    assert refusal(route_, body) == "unsupported_member"


def test_a_path_that_names_no_model_is_missing_one():
    with pytest.raises(InputError) as caught:
        read_body(GENERATE, b'{"model":"m"}', None)
    assert caught.value.code == "missing_model"


@pytest.mark.parametrize(("members", "code"), [(MEMBER_LIMIT, None), (MEMBER_LIMIT + 1, "malformed_json")])
def test_members_are_limited(members, code):
    body = json.dumps({"model": "m"} | {f"x{n}": n for n in range(members - 1)}).encode()
    if code is None:
        assert read_body(CHAT, body, None).model == "m"
    else:
        assert refusal(CHAT, body) == code


# Names that no route gives a meaning to, however they are folded.
names = st.text(st.characters(codec="utf-8"), max_size=4).map(lambda name: f"x.{name}")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def folded(name):
    """A slow copy of the rule, to keep generated names apart."""
    for _ in range(3):
        name = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", name).casefold())
    return name


def spelled(name, escapes):
    """Write a JSON string with some of its characters as escapes."""
    units = name.encode("utf-16-be")
    codes = [units[n : n + 2].hex() for n in range(0, len(units), 2)]
    plain = len(codes) == len(name)
    return '"' + "".join(
        "\\u" + code if escape or not plain else json.dumps(chr(int(code, 16)), ensure_ascii=False)[1:-1]
        for code, escape in zip(codes, escapes, strict=False)
    ) + '"'  # fmt: skip


@given(st.dictionaries(names, values, max_size=6), st.booleans(), st.sampled_from([None, 2]), st.booleans())
def test_every_object_without_duplicates_is_read_as_json_reads_it(members, stream, indent, ascii_):
    assume(len({folded(name) for name in members}) == len(members))
    body = json.dumps(members | {"model": "m", "stream": stream}, indent=indent, ensure_ascii=ascii_).encode()
    try:
        asked = read_body(CHAT, body, None)
    except InputError as err:
        pytest.fail(str(err))
    assert asked == Asked(json.loads(body)["model"], stream=json.loads(body)["stream"])


@given(
    st.dictionaries(names, values, max_size=4),
    st.sampled_from(["model", "stream", "messages", "é", "K"]) | names,
    st.lists(st.booleans(), min_size=12, max_size=12),
    st.lists(st.booleans(), min_size=12, max_size=12),
    st.randoms(use_true_random=False),
)
def test_every_duplicate_is_refused_in_any_spelling(members, twice, escapes, others, random):
    texts = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in members.items()]
    texts += [f"{spelled(twice, escapes)}:1", f"{spelled(twice.swapcase(), others)}:1"]
    assume(folded(twice) == folded(twice.swapcase()))
    random.shuffle(texts)
    with pytest.raises(InputError) as caught:
        read_body(CHAT, ("{" + ",".join(texts) + "}").encode(), None)
    assert caught.value.code == "duplicate_member"


@given(st.binary(max_size=60) | st.text('{}[]":,\\u0modelstraue1 ').map(str.encode))
def test_nothing_that_is_read_is_refused_by_json_and_only_ours_is_raised(body):
    try:
        asked = read_body(CHAT, body, None)
    except InputError:
        return
    assert json.loads(body)["model"] == asked.model


BIG = 10_000_000
HOSTILE = [
    (b'{"model":"m","messages":[{"role":"user","content":"' + b"lorem ipsum " * (BIG // 12) + b'"}]}', None),
    (b'{"model":"m","messages":[' + b'{"role":"user"},' * (BIG // 16) + b"{}]}", None),
    (b'{"model":"m","a":"' + "é😀".encode() * (BIG // 6) + b'"}', None),
    (b'{"model":"m",' + b",".join(b'"%07d":1' % n for n in range(BIG // 12)) + b"}", "malformed_json"),
    (b'{"model":"m","tools":[' + b"{}," * (BIG // 3) + b"{}]}", "unsupported_member"),
    (b'{"model":"m","tools":[{' + b",".join(b'"%07d":1' % n for n in range(BIG // 12)) + b"}]}", "unsupported_member"),
    (b'{"model":"' + b"m" * BIG + b'"}', "missing_model"),
    (b'{"' + b"n" * BIG + b'":1,"model":"m"}', None),
    (b'{"model":"m","a":' + b"9" * BIG + b"}", None),
]


@pytest.mark.parametrize(("body", "code"), HOSTILE, ids=range(len(HOSTILE)))
def test_ten_megabytes_are_read_fast_and_within_little_memory(body, code):
    def read():
        if code:
            assert refusal(CHAT, body) == code
        else:
            assert read_body(CHAT, body, None) == Asked("m", stream=False)

    started = time.process_time()
    read()
    spent_s = time.process_time() - started
    tracemalloc.start()
    try:
        read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # 40 ms at most for what is read, 80 for what is refused; the rest is room for a busy machine under coverage.
    assert spent_s < (1.0 if code else 0.3)
    assert peak < 4 * len(body)
