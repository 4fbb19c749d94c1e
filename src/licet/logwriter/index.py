"""The index of what is sealed: keyed hashes of words, and the places where each is found.

A record's words stand first beside its sealed body, because that is the one place
where something is written for it anyhow: an index kept in the order of its words is
written to all over, a page or more for each record. Once there are a thousand
of them, the words of that run of places are sorted into rows of their own, one for
each word, which are all written side by side. A search asks each run by its key,
and looks through the words of the few that are in no run yet.
"""

import heapq
import json
import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby
from struct import Struct
from typing import TypeAlias

TERM_BYTES = 16

SCHEMA = (
    # From `run` on, and below `until`, all words are sorted. Beyond the last run they are beside the bodies.
    "CREATE TABLE runs(run INTEGER PRIMARY KEY, until INTEGER NOT NULL)",
    # `places` is a list in JSON, so that a search is one statement. A row goes with the last of its records.
    """CREATE TABLE found(
      run INTEGER NOT NULL, term BLOB NOT NULL, places TEXT NOT NULL, PRIMARY KEY (run, term)
    ) WITHOUT ROWID""",
)
FROM_FINDS = (
    # The form before had a row for each word of each record, in the order of the words.
    "ALTER TABLE bodies ADD COLUMN words BLOB",
    *SCHEMA,
    """INSERT INTO runs SELECT DISTINCT place / 1024 * 1024, min(place / 1024 * 1024 + 1024, size)
       FROM entries, tree""",
    """INSERT INTO found SELECT place / 1024 * 1024 AS run, term, json_group_array(place)
       FROM finds GROUP BY run, term""",
    "DROP TABLE finds",
)
"""Makes the index of a file of form 2 into this one."""

PLACES = """
SELECT value AS place FROM runs CROSS JOIN found USING (run), json_each(places) WHERE term IN (?, ?)
UNION ALL
SELECT place FROM bodies WHERE place >= (SELECT coalesce(max(until), 0) FROM runs)
  AND (instr(words, ?) OR instr(words, ?))
"""
"""The places of either of two words, each given twice.

That a word is found across the border of two others is as likely as two equal hashes.
"""

RUN = 1024
"""How many records are sorted together: few enough that whoever waits for the commit does not notice."""

_TERMS = Struct(f"{TERM_BYTES}s")
_UNTIL = "SELECT coalesce(max(until), 0) FROM runs"
_WORDS = "SELECT place, words FROM bodies WHERE place >= ? AND words IS NOT NULL ORDER BY place"
_ROW = "SELECT places FROM found WHERE run = ? AND term = ?"

_Words: TypeAlias = Iterable[tuple[int, bytes]]


class Index:
    """The index in a log's database; whoever has it open commits."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def places(self, term: bytes) -> tuple[int, ...]:
        """Where the records are that a word is of, in order."""
        return tuple(sorted(row[0] for row in self._database.execute(PLACES, (term,) * 4)))

    def until(self) -> int:
        """The first place whose words are not sorted yet."""
        return int(self._database.execute(_UNTIL).fetchone()[0])

    def sort(self, until: int, plain: _Words = ()) -> None:
        """Sort all words below `until` that are not sorted yet, which must be in the file.

        Args:
            until: The end of the run.
            plain: Places in order, and the words of entries that have no body to stand beside.
        """
        start = self.until()
        words = heapq.merge(self._database.execute(_WORDS, (start,)), plain)
        for number, run in groupby(words, key=lambda each: (each[0] - start) // RUN):
            self._write(start + number * RUN, min(until, start + (number + 1) * RUN), run)

    def drop(self, places: Iterable[int], terms: Iterable[tuple[bytes, int]]) -> None:
        """Remove every word of the `places`, and each of these words of a place."""
        self._database.executemany("UPDATE bodies SET words = NULL WHERE place = ?", [(place,) for place in places])
        starts = [row[0] for row in self._database.execute("SELECT run FROM runs ORDER BY run")]
        dropped: dict[tuple[int, bytes], set[int]] = {}
        for term, place in terms:
            run = bisect_right(starts, place) - 1
            if run >= 0:
                dropped.setdefault((starts[run], term), set()).add(place)
        for key, gone in dropped.items():
            row = self._database.execute(_ROW, key).fetchone()
            if row is not None:
                self._keep(key, [place for place in json.loads(row[0]) if place not in gone])

    def _keep(self, key: tuple[int, bytes], places: list[int]) -> None:
        if places:
            statement = "UPDATE found SET places = ? WHERE run = ? AND term = ?"
            self._database.execute(statement, (json.dumps(places), *key))
        else:
            self._database.execute("DELETE FROM found WHERE run = ? AND term = ?", key)

    def _write(self, run: int, until: int, words: _Words) -> None:
        places: defaultdict[bytes, list[int]] = defaultdict(list)
        for place, each in words:
            for (term,) in _TERMS.iter_unpack(each):
                places[term].append(place)
        self._database.execute("INSERT INTO runs VALUES (?, ?)", (run, until))
        # In the order of the table: then each row is written after the one before.
        rows = [(run, term, str(places[term])) for term in sorted(places)]
        self._database.executemany("INSERT INTO found VALUES (?, ?, ?)", rows)
