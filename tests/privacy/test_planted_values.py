"""Nothing of somebody's documents stays: planted in every kind of evidence, accepted and refused, and searched for."""

import base64
import json
import os
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import vendor_for_tests as vendors
from directives_for_tests import directive
from instance_for_tests import call, fresh_instance
from licet.app.backup import back_up
from licet.fleet import Clock
from licet.logwriter import export_tiles
from licet.terms import format_instant
from pages_for_tests import Surfer, link_of
from people_for_tests import Office, ask_nonce, audience, checked, present
from places_for_tests import short_directory
from planted_for_tests import PLANTED, claims, files_under, found_in, packed
from provider_for_tests import (
    CLIENT,
    ENROLLMENT,
    ISSUER,
    PUBLIC,
    WITH_PROVIDER,
    running_provider,
    with_provider_at,
)
from standin_for_tests import stand_in

CLAIMS = claims()
NAME, NUMBER = PLANTED["family name"].decode(), PLANTED["document number"].decode()
MRZ = PLANTED["first line of the MRZ"].decode()
KIND = "oidc_verified_claims"
# Whatever a process says goes where it can be searched.
SCRIPT = "import os; os.dup2(os.open(os.environ['SAID'], os.O_WRONLY | os.O_CREAT, 0o600), 2)\n" + WITH_PROVIDER


SEEN = {
    "status_document": ["legible", "unaltered", "authority", "in_force", "shows_status", "one_person"],
    "holder_photograph": ["code", "with_document", "likeness", "unaltered"],
}
DOCUMENT = b"\n".join([PLANTED["picture"], *PLANTED.values()])
assert DOCUMENT.startswith(b"\xff\xd8\xff")


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.told.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def collector():
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        server.told = []
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def provider():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        with running_provider() as found:
            yield found


def verified(**over):
    time = (Clock().now() - timedelta(days=3)).replace(microsecond=0).isoformat()
    evidence = [{"type": "document", "document_details": {"document_number": NUMBER, "issuer": {"name": NAME}}}]
    verification = {"trust_framework": "nist_800_63A", "assurance_level": "ial2", "time": time, "evidence": evidence}
    return {"verification": verification, "claims": {**CLAIMS, "us_person": True, **over}}


def coded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Visit:
    """Everything that is handed in, and every answer to it."""

    def __init__(self, instance, provider):
        self.instance, self.provider, self.answers, self.keys = instance, provider, {}, {}
        self.office = Office(instance)

    def keep(self, name, answer, status=None):
        assert status is None or answer.status == status, (name, answer.body)
        self.answers[f"answer: {name}"] = answer.body + repr(answer.headers).encode()
        return answer

    def person(self, name, organization=None):
        self.keys[name] = self.instance.party_key(name, organization)
        return self.keys[name]

    def attestations(self):
        def token(party, **over):
            now = int(Clock().now().timestamp())
            members = {
                "iss": "acme",
                "aud": audience(self.instance),
                "iat": now,
                "exp": now + 300,
                "jti": os.urandom(9).hex(),
                "sub": party,
                "status": "not_foreign_person",
                "relation": "employee",
                "checked_at": Clock().now().replace(microsecond=0).isoformat(),
                "method": "document_review",
                "statement_version": "2026-06",
                "signatory": "export compliance",
                **{f"x_{name}": value for name, value in CLAIMS.items()},
                **over,
            }
            head = {"alg": "EdDSA", "kid": "k1", "typ": "licet-attestation+jwt"}
            signed = ".".join(coded(json.dumps(one).encode()) for one in (head, members))
            return f"{signed}.{coded(self.office.key.get_op_key('sign').sign(signed.encode()))}"

        key = self.person("attested", "acme")
        self.keep("attestation", present(self.instance, key, token("attested")), 200)
        for name, wrong in {
            "of another": {"sub": NAME},
            "with a name for a status": {"status": NAME},
            "with a claim": {"family_name": NAME},
            "with a name for a country": {"status": "foreign_person", "nationalities": [NAME]},
            "signed by somebody": {"signatory": NAME, "aud": MRZ},
            "with a number": {"statement_version": NUMBER},
            "with a nonce": {"nonce": NUMBER},
        }.items():
            self.keep(f"attestation {name}", present(self.instance, key, token("attested", **wrong)), 403)
        self.keep("attestation of a kind", present(self.instance, key, token("attested"), NAME), 400)
        self.keep("no attestation", present(self.instance, key, json.dumps(CLAIMS)), 403)

    def workforces(self):
        def planted(party):
            return {"sub": party, **{f"x_{name}": value for name, value in CLAIMS.items()}}

        self.instance.act("/parties", {"id": "in-a-file", "organization": "acme"})
        found = checked(self.instance, self.office.workforce([planted("in-a-file")], x_names=CLAIMS))
        assert found["state"] == "checked", found
        self.instance.act(f"/workforces/{found['workforce']}/take", {"enroll": False})
        for line in ({**planted("in-a-file"), "status": NAME}, {**planted("in-a-file"), "family_name": NAME}):
            found = checked(self.instance, self.office.workforce([line]))
            assert found["state"] == "refused", found
            self.answers[f"workforce {line['sub']} {len(self.answers)}"] = json.dumps(found).encode()

    def providers(self):
        from callers_for_tests import sign

        provider = self.provider
        key = self.person("vouched-for")
        for signed in (False, True):
            provider.people["vouched-for"] = [verified()]
            provider.signs_answers = signed
            wanted = {"trust_framework": {"value": "nist_800_63A"}, "assurance_level": {"values": ["ial2"]}}
            asked = {"verified_claims": {"verification": wanted, "claims": dict.fromkeys([*CLAIMS, "us_person"])}}
            token = provider.token_of("vouched-for", userinfo=asked)
            self.keep(f"access token {signed}", present(self.instance, key, token, KIND), 200)
            self.keep(f"access token {signed} again", present(self.instance, key, token, KIND), 403)
        now = int(Clock().now().timestamp())
        head = {"alg": "ES256", "typ": "at+jwt", "kid": "op-1"}
        members = {"iss": ISSUER, "aud": PUBLIC, "sub": NAME, "client_id": CLIENT, "iat": now, "exp": now + 60}
        for name, over in {
            "inside": {},
            "nationality": {"verified_claims": verified(us_person=False, nationalities=[NAME, MRZ])},
            "framework": {"verified_claims": {**verified(), "verification": {"trust_framework": NAME}}},
            "status": {"verified_claims": verified(us_person=NAME)},
            "client": {"client_id": NAME},
            "audience": {"aud": MRZ},
            "issuer": {"iss": "https://" + NAME},
        }.items():
            told = {**members, "jti": f"{name} {NUMBER}", "verified_claims": verified(), **over}
            made = sign(head, told, provider.key).decode()
            self.keep(f"claims {name}", present(self.instance, key, made, KIND))
        assert b'"standing"' in self.answers["answer: claims inside"]

    def vendors(self):
        key = self.person("verified")
        self.keep("no vendor", call(f"{self.instance.gateway}/licet/vendors/{NAME}/reference", b"", bearer(key)), 404)
        asked = call(self.instance.gateway + "/licet/vendors/persona/reference", b"", bearer(key))
        reference = asked.json["reference"]
        body = vendors.event(reference, **{k: v for k, v in CLAIMS.items() if isinstance(v, str)})
        self.keep("forged event", vendors.deliver(self.instance.gateway, body, secret="another"), 403)
        self.keep("event", vendors.deliver(self.instance.gateway, body), 200)
        for name, over in {"template": {"template": NAME}, "event": {"name": NAME}}.items():
            made = vendors.event(reference, **{"surname": NAME, **over})
            self.keep(f"event without meaning {name}", vendors.deliver(self.instance.gateway, made), 200)
        self.keep("no event", vendors.deliver(self.instance.gateway, json.dumps(CLAIMS).encode()), 403)
        self.keep("unknown reference", vendors.deliver(self.instance.gateway, vendors.event(NUMBER, surname=NAME)), 200)

    def reviews(self):
        """Of two people who hand documents in, one is decided on, and one waits."""
        for party in ("reviewed", "waiting"):
            key = self.person(party)
            door = f"{self.instance.gateway}/licet/review"
            self.keep(f"review of {party}", call(door, b"", bearer(key)), 200)
            for kind in SEEN:
                handed_in = call(f"{door}/documents?kind={kind}&name={NAME}", DOCUMENT, bearer(key))
                self.keep(f"{kind} of {party}", handed_in, 200)
            self.keep(f"document of a kind of {party}", call(f"{door}/documents?kind={NAME}", DOCUMENT, bearer(key)))
            self.keep(f"no picture of {party}", call(f"{door}/documents?kind=letter", DOCUMENT[4:], bearer(key)))
            self.keep(f"state of {party}", call(door, None, bearer(key)), 200)
        (review,) = (one["id"] for one in self.instance.act("/reviews") if one["party"] == "reviewed")
        self.instance.act(f"/reviews/{review}/take", {})
        checklist = {}
        for one in self.instance.act(f"/reviews/{review}")["documents"]:
            opened = self.instance.act(f"/reviews/{review}/documents/{one['document']}/open", {})
            assert call(self.instance.control + opened["path"]).body == DOCUMENT
            checklist[one["document"]] = SEEN[one["kind"]]
        until = format_instant(Clock().now() + timedelta(days=30))
        accepted = {"status": "not_foreign_person", "until": until, "checklist": checklist}
        self.instance.act(f"/reviews/{review}/accept", accepted)

    def pages(self):
        key = self.person("visitor", "acme")
        link = link_of(self.keep("refusal", self.instance.chat(key, "fable-5"), 403)).replace(
            PUBLIC, self.instance.gateway
        )
        surfer = Surfer(language="en")
        seen = {"page": surfer.prove(link, key)}
        token = surfer.get(link + "/organization").token
        picture = base64.b64encode(PLANTED["picture"]).decode()
        planted = {"token": token, "name": NAME, "mrz": MRZ, "photo": picture}
        seen["pasted"] = surfer.send(link + "/organization", {**planted, "attestation": json.dumps(CLAIMS)})
        file = {"file": (f"{NAME}.jpg", PLANTED["picture"])}
        seen["uploaded"] = surfer.upload(link + "/organization", {"token": token, "step": NAME}, file)
        for way, fields in {"provider": {"issuer": NAME}, "vendor": {"vendor": NAME}}.items():
            seen[f"chosen {way}"] = surfer.send(f"{link}/{way}", {"token": token, "step": NAME, **fields})
            seen[way] = surfer.get(f"{link}/{way}?code={NUMBER}&state={NAME}&error_description={MRZ}")
        seen["elsewhere"] = surfer.get(f"{link}/{NAME}?name={NUMBER}")
        seen["nowhere"] = surfer.get(f"{self.instance.gateway}/licet/enroll/{NAME}?name={NUMBER}")
        seen["back"] = surfer.get(f"{self.instance.gateway}/licet/enroll/return?code={NUMBER}&state={NAME}")
        for name, page in seen.items():
            self.answers[f"page: {name}"] = page.body + repr(page.headers).encode()

    def doors(self):
        for name, key in self.keys.items():
            answer = call(self.instance.gateway + "/licet/standings", None, bearer(key))
            self.keep(f"standings of {name}", answer, 200)
            self.keep(f"chat of {name}", self.instance.chat(key, "fable-5"))
            self.keep(f"nothing for {name}", call(f"{self.instance.gateway}/licet/{NAME}", b"", bearer(key)))
            ask_nonce(self.instance, key)


def bearer(key):
    return {"authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def places(provider, collector, tmp_path_factory):
    """Everything that is left, by where it was found, after everything was handed in."""
    folder = tmp_path_factory.mktemp("left")
    settings = f"""
[gateway]
public_url = "{PUBLIC}"
[tracing]
endpoint = "http://127.0.0.1:{collector.server_port}/v1/traces"
[review]
offered = true
[evidence.op]
secrets = ["env:PROVIDER_SECRET"]
{vendors.SETTINGS}"""
    surroundings = with_provider_at(provider.at) | {"PERSONA_SECRET": vendors.SECRET, "SAID": str(folder / "said")}
    with (
        pytest.MonkeyPatch.context() as patch,
        stand_in() as upstream,
        short_directory() as directory,
        fresh_instance(directory, upstream.url, settings, script=SCRIPT, **surroundings) as instance,
    ):
        for name in ("PROVIDER_SECRET", "PERSONA_SECRET"):
            patch.setenv(name, surroundings[name])  # the configuration is read here too
        instance.items("fable-5")
        instance.act("/directives", {"text": directive()})
        instance.act("/evidence-issuers", ENROLLMENT)
        instance.act("/vendors", vendors.ENROLLMENT)
        visit = Visit(instance, provider)
        visit.attestations()
        visit.workforces()
        visit.providers()
        visit.vendors()
        visit.reviews()
        visit.pages()
        visit.doors()
        left = {f"while it serves: {name}": data for name, data in files_under(directory).items()}
        left["metrics"] = call(instance.control + "/metrics", None, bearer(instance.token)).body
        left["records, opened"] = json.dumps(instance.records(), ensure_ascii=False).encode()
        left["records, exported"] = export_of(instance, folder / "tiles")
        back_up(directory, folder / "copy.tar", folder / "keys.tar", Clock().now())
        instance.stop()
        left |= {f"after it served: {name}": data for name, data in files_under(directory).items()}
    left |= {f"{name} of the backup": (folder / name).read_bytes() for name in ("copy.tar", "keys.tar")}
    left["what the processes said"] = (folder / "said").read_bytes()
    left |= {f"trace {n}": body for n, body in enumerate(collector.told)}
    return left | visit.answers


def export_of(instance, folder):
    folder.mkdir()
    export_tiles(instance.directory / "log.db", folder)
    return b"\n".join(files_under(folder).values())


def test_nothing_that_was_planted_is_left_anywhere(places):
    assert found_in(places, PLANTED) == []


def test_the_search_finds_what_is_kept_on_purpose(places):
    """The party's id is kept: so each of these places is one where the search would have found a name."""
    kept = {name: name.encode() for name in ("attested", "in-a-file", "vouched-for", "verified", "reviewed")}
    found = found_in(places, kept)
    for party in kept:
        wheres = {place for place, name in found if name == party}
        assert "records, opened" in wheres
        assert any(place.startswith("while it serves: licet.db") for place in wheres), wheres
        assert "copy.tar of the backup" in wheres


def test_every_place_has_something_in_it(places):
    for place in ("metrics", "records, opened", "records, exported", "what the processes said", "trace 0"):
        assert len(places[place]) > 100
    said = places["what the processes said"]
    assert b'"route":"/licet/evidence"' in said
    assert b'"route":"/licet/enroll/{ticket}/{way}"' in said


@pytest.mark.parametrize("name", PLANTED)
def test_the_search_sees_through_every_wrapping(name):
    wrapped = packed(PLANTED[name])
    assert {place for place, _ in found_in(wrapped, {name: PLANTED[name]})} == set(wrapped)
    assert found_in(packed(b"nothing of the kind, at some length"), PLANTED) == []
