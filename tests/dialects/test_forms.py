"""What a form asks for, and every form that two readers could read differently."""

import pytest

from licet.dialects import match, read_form_model, read_upload
from licet.dialects.forms import PART_LIMIT, read_form
from licet.errors import InputError

TYPE = b"multipart/form-data; boundary=B"
EDITS = match("POST", b"/v1/images/edits", b"", {}).route
DEPLOYED = match("POST", b"/openai/deployments/m/images/edits", b"", {}).route


def part(head, value=b"v"):
    return b"--B\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + value + b"\r\n"


def form(*parts, end=b"--B--\r\n"):
    return b"".join(parts) + end


MODEL, FILE = part(b'name="model"', b"m"), part(b'name="image"; filename="a.png"', b"\x00\r\n\n--\xff")

READ = [
    (TYPE, form(MODEL, FILE), "m"),
    (TYPE, form(FILE, MODEL), "m"),
    (TYPE, form(MODEL, end=b"--B--"), "m"),
    (b'multipart/form-data; boundary="B"', form(MODEL), "m"),
    (b"Multipart/Form-Data;boundary=B", form(MODEL), "m"),
    (TYPE, form(MODEL, part(b'name="image[]"; filename="a"'), part(b'name="image[]"; filename="b"')), "m"),
    (TYPE, form(MODEL, part(b'name="prompt"', b"")), "m"),
    (TYPE, form(part(b'name="model"', "é".encode())), "é"),
    (TYPE, form(part(b'name="model"', b"m" * 256)), "m" * 256),
    (TYPE, form(MODEL, part(b'name="a"; filename="\xc3\xa9.png"')), "m"),
    (TYPE, form(MODEL).replace(b"\r\n\r\nm", b"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nm"), "m"),
]
REFUSED = [
    (b"multipart/form-data", form(MODEL), "malformed_form"),
    (b"multipart/form-data; boundary=", form(MODEL), "malformed_form"),
    (b"multipart/form-data; boundary=B; boundary=C", form(MODEL), "malformed_form"),
    (b"multipart/form-data; boundary*=utf-8''B", form(MODEL), "malformed_form"),
    (b"multipart/mixed; boundary=B", form(MODEL), "malformed_form"),
    (b"application/json", b'{"model":"m"}', "malformed_form"),
    (b"", form(MODEL), "malformed_form"),
    (TYPE, b"", "malformed_form"),
    (TYPE, b"--B--\r\n", "malformed_form"),
    (TYPE, b"\r\n" + form(MODEL), "malformed_form"),
    (TYPE, form(MODEL) + b" ", "malformed_form"),
    (TYPE, form(MODEL, end=b""), "malformed_form"),
    (TYPE, form(MODEL, end=b"--B-"), "malformed_form"),
    (TYPE, form(MODEL).replace(b"\r\n", b"\n"), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="x"', b"a--Bc")), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="x"', b"a\n--B\nc")), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="x"').replace(b"\r\n\r\n", b"\r\n")), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="x"').replace(b"\r\n\r\nv", b"\r\n\r")), "malformed_form"),
    (TYPE, form(MODEL, part(b"name=x")), "malformed_form"),
    (TYPE, form(MODEL, part(b"name='x'")), "malformed_form"),
    (TYPE, form(MODEL, part(b'filename="x"; name="x"')), "malformed_form"),
    (TYPE, form(MODEL, part(b"name=\"x\"; filename*=utf-8''x")), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="x"; name="model"')), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="a b"')), "malformed_form"),
    (TYPE, form(MODEL, part(b'name=""')), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="x"; filename="\xff"')), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="x"; filename="' + b"a" * 5000 + b'"')), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="x"\r\nContent-Type: multipart/mixed; boundary=C')), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="x"\r\nContent-Type: text/plain; charset=utf-16')), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="x"\r\nContent-Transfer-Encoding: base64')), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="x"\r\nContent-Disposition: form-data; name="y"')), "malformed_form"),
    (TYPE, form(MODEL, part(b'name="x"\r\n folded')), "malformed_form"),
    (TYPE, form(MODEL, *[part(b'name="x[]"')] * PART_LIMIT), "malformed_form"),
    (TYPE, form(part(b'name="model"; filename="m"', b"m")), "malformed_form"),
    (TYPE, form(part(b'name="model"', b"\xff")), "malformed_form"),
    (TYPE, form(MODEL, MODEL), "duplicate_member"),
    (TYPE, form(MODEL, part(b'name="MODEL"')), "duplicate_member"),
    (TYPE, form(MODEL, part(b'name="prompt"'), part(b'name="Prompt"')), "duplicate_member"),
    (TYPE, form(FILE), "missing_model"),
    (TYPE, form(part(b'name="model"', b"")), "missing_model"),
    (TYPE, form(part(b'name="model"', b" m")), "missing_model"),
    (TYPE, form(part(b'name="model"', b"m\n")), "missing_model"),
    (TYPE, form(part(b'name="model"', b"m" * 257)), "missing_model"),
    (TYPE, form(MODEL, part(b'name="model[]"')), "unsupported_member"),
    (TYPE, form(MODEL, part(b'name="models"')), "unsupported_member"),
    (TYPE, form(MODEL, part(b'name="fallbacks[]"')), "unsupported_member"),
    (TYPE, form(MODEL, part(b'name="base_model"; filename="a"')), "unsupported_member"),
]


@pytest.mark.parametrize(("content_type", "body", "model"), READ)
def test_read(content_type, body, model):
    assert read_form_model(EDITS, content_type, body, None).model == model


@pytest.mark.parametrize(("content_type", "body", "code"), REFUSED)
def test_refused(content_type, body, code):
    with pytest.raises(InputError) as caught:
        read_form_model(EDITS, content_type, body, None)
    assert caught.value.code == code


def test_a_deployment_s_form_may_name_the_model_of_its_path_and_no_other():
    assert read_form_model(DEPLOYED, TYPE, form(FILE), "m").model == "m"
    assert read_form_model(DEPLOYED, TYPE, form(MODEL), "m").model == "m"
    with pytest.raises(InputError):
        read_form_model(DEPLOYED, TYPE, form(MODEL), "n")


def test_contents_are_read_to_the_byte():
    parts = read_form(TYPE, form(MODEL, FILE))
    assert [(one.name, one.filename, one.content) for one in parts] == [
        ("model", None, b"m"),
        ("image", "a.png", b"\x00\r\n\n--\xff"),
    ]


LINE = b'{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}}'
PURPOSE = part(b'name="purpose"', b"batch")


def lines(*given):
    return form(PURPOSE, part(b'name="file"; filename="a"', b"\n".join(given)))


def test_the_lines_of_a_batch_are_counted_from_one():
    other = LINE.replace(b'"m"', b'"n"')
    uses = read_upload(TYPE, lines(LINE, other, LINE + b"\r", *[LINE] * 30), frozenset()).uses
    assert [(use.model, use.count, use.lines[:3]) for use in uses] == [("m", 32, (1, 3, 4)), ("n", 1, (2,))]
    assert uses[0].told().endswith("and 12 more")
    assert uses[1].told() == "2"


UPLOADS = [
    (form(part(b'name="purpose"', b"fine-tune"), part(b'name="file"; filename="a"', b"anything")), None),
    (lines(LINE), None),
    (lines(LINE, b""), None),
    (lines(b""), "malformed_json"),
    (lines(b"", LINE), "malformed_json"),
    (lines(LINE, b"[]"), "malformed_json"),
    (lines(LINE + b"\r" + LINE), "malformed_json"),
    (lines(LINE[:-1] + b',"more":1}'), "unsupported_member"),
    (lines(LINE.replace(b'"1"', b"1")), "malformed_json"),
    (lines(*[LINE.replace(b'"m"', b'"%d"' % n) for n in range(100)]), None),
    (lines(*[LINE.replace(b'"m"', b'"%d"' % n) for n in range(101)]), "unsupported_member"),
    (form(PURPOSE), "malformed_form"),
    (form(part(b'name="file"; filename="a"', LINE)), "malformed_form"),
    (form(PURPOSE, part(b'name="data"; filename="a"', LINE)), "malformed_form"),
    (form(PURPOSE, part(b'name="file"; filename="a"', LINE), part(b'name="b"; filename="b"')), "malformed_form"),
    (form(part(b'name="purpose"', b"Batch"), part(b'name="file"; filename="a"', b"no")), "malformed_form"),
    (form(PURPOSE, part(b'name="model"', b"m"), part(b'name="file"; filename="a"', LINE)), "unsupported_member"),
]


@pytest.mark.parametrize(("body", "code"), UPLOADS)
def test_uploads(body, code):
    if code is None:
        read_upload(TYPE, body, frozenset())
        return
    with pytest.raises(InputError) as caught:
        read_upload(TYPE, body, frozenset())
    assert caught.value.code == code
