"""Check a packet of records, with nothing but this file, `receipts.py` and `cryptography`.

    cd verifier && python -m licet.packet ..

For each record: that its receipt stands under the trust file, that the entry is the
receipt's, and that every value shown is the one the entry commits to. What was left
out is listed with its reason, and each value left out still has its commitment.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from licet import receipts


def check_packet(directory: Path) -> Iterator[str]:
    """Every fault of a packet, in words; none if it is whole."""
    policy = receipts.Policy.parse((directory / "log.policy").read_bytes())
    for record in json.loads((directory / "records.json").read_bytes())["records"]:
        try:
            yield from _faults(directory, record, policy)
        except (receipts.ReceiptError, OSError, KeyError, TypeError, ValueError) as err:
            yield f"record {record.get('id')}: {err}"


def _faults(directory: Path, record: Mapping[str, Any], policy: receipts.Policy) -> Iterator[str]:
    verified = receipts.verify_receipt((directory / record["receipt"]).read_bytes(), policy)
    entry = json.loads(verified.entry)
    if entry != record["entry"] or entry["id"] != record["id"] or verified.index != record["index"]:
        yield f"record {record['id']}: the entry shown is not the one that the receipt is of"
    commitments = entry.get("commitments", {})
    for name, told in record["shown"].items():
        value = json.dumps(told["value"], ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        if hashlib.sha256(bytes.fromhex(told["salt"]) + value).hexdigest() != commitments.get(name):
            yield f"record {record['id']}: `{name}` is not what the log committed to"
    unexplained = set(commitments) - set(record["shown"]) - set(record["withheld"])
    if unexplained:
        yield f"record {record['id']}: neither shown nor said to be withheld: {', '.join(sorted(unexplained))}"


def main() -> int:
    """Check one packet: 0 whole, 1 not, 2 not read."""
    parser = argparse.ArgumentParser(description="Check a packet of records, offline.")
    parser.add_argument("directory", type=Path)
    try:
        faults = list(check_packet(parser.parse_args().directory))
    except (OSError, KeyError, ValueError, receipts.ReceiptError) as err:
        sys.stderr.write(f"{err}\n")
        return 2
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    sys.stdout.write("the packet is whole\n" if not faults else f"{len(faults)} fault(s) found\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
