"""Who and what stands on the stage: models, organizations, people with keys, and what each may use."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

from licet.demo.callers import LIBRARIES, Caller, Stream
from licet.demo.scene import Scene

FABLE, MYTHOS, OLDER = "fable-5", "mythos-5", "sonata-3"
MODELS = (FABLE, MYTHOS, OLDER)
"""Two frontier models, which the orders of June 2026 named, and an older one, which they did not."""

SERVED = "served"
Matrix: TypeAlias = dict[tuple[str, str], str]
"""What each caller gets of each model, in one word."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Person:
    """One caller. The names are for whoever reads along; real ones are pseudonyms.

    `attested` is what their organization has said of them; None where it has said nothing.
    """

    name: str
    library: str
    organization: str
    attested: str | None
    nationality: str | None = None


PEOPLE = (
    Person("citizen", "openai", "acme-corp", "not_foreign_person"),
    Person("resident", "anthropic", "acme-corp", "not_foreign_person"),
    Person("refugee", "google-genai", "acme-corp", "not_foreign_person"),
    Person("foreign", "openai", "acme-corp", "foreign_person", "FR"),
    Person("listed", "google-genai", "annex-a-corp", "foreign_person", "DE"),
    Person("newcomer", "anthropic", "acme-corp", None),
)
NOT_FOREIGN = ("citizen", "resident", "refugee")
ORGANIZATIONS = {"acme-corp": "US-DE", "annex-a-corp": "DE"}


@dataclass(slots=True)
class Stage:
    """Everything a step may use, and what later steps need of earlier ones.

    Attributes:
        at_first: What each caller got of each model before any directive.
        cuts: Streams that were cut, by the step that cut them.
        decisions: Ids of decisions whose records the last step looks for, by what they decided.
    """

    scene: Scene
    work: ThreadPoolExecutor
    keys: dict[str, str] = field(default_factory=dict)
    callers: dict[str, Caller] = field(default_factory=dict)
    at_first: Matrix = field(default_factory=dict)
    cuts: dict[int, list[Stream]] = field(default_factory=dict)
    decisions: dict[str, str] = field(default_factory=dict)

    def each(self, act: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Do the same to several, a few at a time; the results in order."""
        return list(self.work.map(act, items))

    def matrix(self) -> Matrix:
        """Ask for every model as every caller."""
        pairs = [(name, model) for name in self.callers for model in MODELS]
        return dict(zip(pairs, self.each(lambda pair: self.ask(*pair), pairs), strict=True))

    def ask(self, name: str, model: str) -> str:
        """What one caller gets of one model, in one word."""
        refused = self.callers[name].ask(model)
        return SERVED if refused is None else refused.word

    def stream(self, name: str, model: str, *, pieces: int) -> Stream:
        """Open a stream of so many pieces, twenty a second."""
        return self.callers[name].stream(model, pieces, every_ms=50)

    def private_key(self, organization: str) -> Path:
        """Where an organization keeps the key it attests with."""
        return self.scene.directory / f"{organization}.private.jwk"

    def sign(self, person: Person, audience: str, nonce: str | None = None) -> str:
        """The organization's act: attest one person, and hand them the token."""
        status = person.attested or "not_foreign_person"
        arguments = ["--issuer", person.organization, "--audience", audience, "--subject", person.name]
        arguments += ["--status", status, "--relation", "employee", "--key", str(self.private_key(person.organization))]
        arguments += ["--nationality", person.nationality] if person.nationality else []
        arguments += ["--nonce", nonce] if nonce else []
        return str(self.scene.licet("attest", "sign", *arguments)["token"])

    def set_up(self) -> None:
        """Enroll models, organizations and people, issue keys, and present attestations."""
        self.each(lambda model: self.scene.agreed("item", "add", model, "--upstream", "main"), MODELS)
        self.each(self._enroll_organization, ORGANIZATIONS)
        keys = self.each(self._enroll, PEOPLE)
        self.keys.update(zip((person.name for person in PEOPLE), keys, strict=True))
        for person in PEOPLE:
            library = LIBRARIES[person.library](self.scene.gateway, self.keys[person.name])
            self.callers[person.name] = Caller(person.name, self.keys[person.name], library)

    def close(self) -> None:
        """Let go of the callers' connections."""
        for caller in self.callers.values():
            caller.library.close()

    def _enroll_organization(self, name: str) -> None:
        private, public = self.private_key(name), self.scene.directory / f"{name}.public.jwk"
        self.scene.licet("attest", "keygen", "--out", private, "--public", public, "--kid", f"{name}-1")
        facts = ["--name", name, "--place", ORGANIZATIONS[name], "--attestation-key", public]
        self.scene.agreed("organization", "add", name, *facts)

    def _enroll(self, person: Person) -> str:
        """Enroll one person, issue their key, and present what is attested of them."""
        self.scene.licet("party", "add", person.name, "--organization", person.organization)
        key = str(self.scene.licet("key", "issue", "--party", person.name)["result"]["key"])
        if person.attested is not None:
            asked = self.scene.post("/licet/nonce", key, {})
            token = self.sign(person, asked["audience"], asked["nonce"])
            self.scene.post("/licet/evidence", key, {"kind": "org_user_attestation", "payload": token})
        return key


def column(matrix: Matrix, model: str) -> dict[str, str]:
    """What each caller gets of one model."""
    return {name: word for (name, of), word in matrix.items() if of == model}


def in_short(words: Mapping[str, str]) -> str:
    """Who gets what, by what they get."""
    groups: dict[str, list[str]] = {}
    for name, word in words.items():
        groups.setdefault(word, []).append(name)
    if len(groups) == 1:
        return f"{next(iter(groups))}: all {len(words)}"
    return "; ".join(f"{word}: {', '.join(names)}" for word, names in groups.items())
