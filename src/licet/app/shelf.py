"""The log's file as the control API reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from licet.app.packets import make_packet
from licet.app.reading import organization_named, redecided, told_value
from licet.app.receipts import opened_log
from licet.errors import InputError, NotFoundError
from licet.logwriter import Search, opened_value, policy_path
from licet.records import SINGLE_PERSON, RecordKind
from licet.records.packets import Profile
from licet.stores import Store
from licet.terms import RecordId, parse_instant

_SEARCH, _SEARCH_MOST = 100, 10_000
_PACKET_MOST = 10_000


@dataclass(frozen=True, slots=True)
class LogShelf:
    """Records of one instance as administrators read them: the key is in memory for no longer than one question."""

    directory: Path
    store: Store

    def search(self, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
        """Records by what they are about, newest first, opened where they can be."""
        words = dict(wanted)
        with opened_log(self.directory) as reader:
            record_id = words.pop("id", None)
            if record_id:
                return [told_value(reader, reader.find(RecordId(record_id)))]
            return [opened_value(reader, row) for row in reader.search(self._search(words))]

    def hold(self, name: str) -> str:
        """The id of the record by which a legal hold was set.

        Raises:
            NotFoundError: it is not set.
        """
        with opened_log(self.directory) as reader:
            for found, record in reader.holds():
                if found == name:
                    return record.id
        raise NotFoundError(f"expected a hold that is set, found `{name}`", code="unknown_hold")

    def redecide(self, record_id: str) -> dict[str, Any]:
        """A past decision made again under the policy of then.

        Raises:
            InputError: it is no decision.
            NotFoundError: there is no such record.
        """
        with opened_log(self.directory) as reader:
            return redecided(reader, self.store, record_id)

    def packet(self, wanted: Mapping[str, str], profile: str) -> tuple[dict[str, str], int]:
        """The files of a packet, and how many records are in it.

        Raises:
            InputError: there are too many, or nothing can be searched so.
        """
        search = replace(self._search(dict(wanted)), limit=_PACKET_MOST + 1, whole=profile == Profile.AGENCY)
        policy = policy_path(self.directory).read_text(encoding="utf-8")
        with self.store.read() as tx:
            notice = SINGLE_PERSON if tx.single_person else ""
        with opened_log(self.directory) as reader:
            files, count = make_packet(reader, search, Profile(profile), policy, notice)
        if count > _PACKET_MOST:
            told = f"expected at most {_PACKET_MOST} records, found more"
            raise InputError(f"{told}: narrow it, or make the packet where the files are", code="packet_too_large")
        return files, count

    def _search(self, words: dict[str, str]) -> Search:
        try:
            kind = RecordKind(words.pop("kind")) if "kind" in words else None
            limit = int(words.pop("limit", _SEARCH))
        except ValueError as err:
            raise InputError(f"expected one of the kinds {', '.join(RecordKind)}, and a number: {err}") from err
        if not 0 < limit <= _SEARCH_MOST:
            raise InputError(f"expected a limit from 1 to {_SEARCH_MOST}, found `{limit}`")
        instants = {name: parse_instant(words.pop(name)) for name in ("since", "until") if name in words}
        whole = words.pop("whole", "false") == "true"
        if "organization" in words:
            with self.store.read() as tx:
                words["organization"] = organization_named(tx, words["organization"])
        return Search(kind=kind, limit=limit, whole=whole, **instants, **words)  # type: ignore[arg-type]  # named as in the API's query
