"""licet: an export-control gate for AI-model APIs.

Start at `licet.gateway` and follow one request through `licet.dialects`,
`licet.items`, `licet.parties`, `licet.licenses`, `licet.decisions` and
`licet.records`. `docs/architecture.md` draws the house.
"""

__version__ = "0.1.0.dev0"
