"""Other engines, each answering one requirement over one set of facts.

The rule is that of a directive's release act; the facts are a foreign person whom
no license covers. What a peer is given here is a part of what licet does in the
same table: no look-ups, no clocks, no evidence, one requirement of several.
"""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cedarpy

from licet.directives import ReleaseFacts, cedar_schema, compile_directive, from_document, parse_directive
from licet.law import read_country_groups

FACTS = {
    "recipient": "person",
    "act": "named",
    "status": "foreign",
    "scope": "in_scope",
    "cover": "none",
    "force": "binds",
}
_REGO = """
package licet
default forbidden := false
forbidden if {
  input.recipient == "person"
  input.act == "named"
  input.status == "foreign"
  input.scope == "in_scope"
  input.cover == "none"
  input.force == "binds"
}
"""
_CASBIN_MODEL = """
[request_definition]
r = facts, item
[policy_definition]
p = item, recipient, status
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.item == p.item && r.facts.recipient == p.recipient && r.facts.status == p.status \
 && r.facts.act == "named" && r.facts.scope == "in_scope" && r.facts.cover == "none" && r.facts.force == "binds"
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine by name, and one answer of it: True where the release is forbidden."""

    name: str
    answer: Callable[[], bool]


def peers(document: str) -> Iterator[Peer]:
    """Those that are installed, each checked to forbid; for the others a name and why not.

    Args:
        document: A directive file that names `item-00` and all foreign persons.

    Raises:
        RuntimeError: a peer did not forbid: then its time says nothing.
    """
    makers = {
        "cedarpy, policy read at each call": ("cedarpy", lambda: _cedar(document)),
        "CEL (common-expression-language)": ("cel", _cel),
        "Rego (regopy)": ("regopy", _rego),
        "casbin": ("casbin", _casbin),
    }
    for name, (module, make) in makers.items():
        if importlib.util.find_spec(module) is None:
            continue
        answer = make()
        if answer() is not True:
            raise RuntimeError(f"{name} did not forbid what the rule forbids")
        yield Peer(name, answer)


def _cedar(document: str) -> Callable[[], bool]:
    directive = from_document(parse_directive(document, "benchmark", read_country_groups(), None))
    text, schema = compile_directive(directive).release.cedar, cedar_schema(ReleaseFacts)
    kinds = {"act": "Naming", "status": "PersonStatus", "cover": "Coverage"}
    context = {k: {"__entity": {"type": kinds.get(k, k.capitalize()), "id": v}} for k, v in FACTS.items()}
    request = {
        "principal": {"type": "Caller", "id": "caller"},
        "action": {"type": "Action", "id": "receive"},
        "resource": {"type": "Item", "id": "item-00"},
        "context": context,
    }
    return lambda: cedarpy.is_authorized(request, text, [], schema).decision is cedarpy.Decision.Deny


def _cel() -> Callable[[], bool]:
    import cel  # noqa: PLC0415  # only where it is installed

    program = cel.compile(" && ".join(f'{name} == "{value}"' for name, value in FACTS.items()))
    return lambda: program.execute(dict(FACTS)) is True


def _rego() -> Callable[[], bool]:
    import regopy  # noqa: PLC0415  # only where it is installed

    rego = regopy.Interpreter()
    rego.add_module("licet", _REGO)

    def answer() -> bool:
        rego.set_input(FACTS)
        return "true" in str(rego.query("x = data.licet.forbidden"))

    return answer


def _casbin() -> Callable[[], bool]:
    import casbin  # noqa: PLC0415  # only where it is installed

    model = casbin.Model()
    model.load_model_from_text(_CASBIN_MODEL)
    enforcer = casbin.Enforcer(model)
    enforcer.add_policy("item-00", "person", "foreign")
    facts = type("Facts", (), FACTS)()
    return lambda: bool(enforcer.enforce(facts, "item-00"))
