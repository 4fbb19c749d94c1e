"""The place of an address, from a real database file."""

import ipaddress
import sys
from datetime import timedelta

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from licet.errors import ConfigurationError
from licet.fleet import Clock
from licet.gateway import PlaceDatabase

AGE = timedelta(days=90)


def write(path, rows):
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    for network, record in rows.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


def now():
    return Clock().now()


ROWS = {
    "198.51.100.0/24": {"country": {"iso_code": "FR"}},
    "203.0.113.0/24": {"country": "IR"},
    "192.0.2.0/25": {"country_code": "US"},
    "192.0.2.128/26": {"registered_country": {"iso_code": "DE"}},
    "192.0.2.192/26": {"country": {"iso_code": "ZZ"}},
    "100.64.0.0/24": {"country": {"iso_code": 7}},
    "2001:db8::/32": {"country": {"iso_code": "CU"}},
}
COUNTRIES = [
    ("198.51.100.0", "FR"),
    ("198.51.100.255", "FR"),
    ("198.51.101.0", None),
    ("203.0.113.9", "IR"),
    ("192.0.2.1", "US"),
    ("192.0.2.129", None),  # where it is registered is not where it is
    ("192.0.2.193", None),  # no country
    ("100.64.0.1", None),
    ("2001:db8::1", "CU"),
    ("2001:db9::1", None),
]


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "places.mmdb", ROWS)


@pytest.mark.parametrize(("address", "country"), COUNTRIES)
def test_the_country_of_an_address(file, address, country):
    places = PlaceDatabase(file, AGE)
    places.require_fresh(now())
    for _ in range(2):
        assert places.country(ipaddress.ip_address(address), now()) == country


def test_a_file_that_is_missing_damaged_or_no_database_stops_the_start(file, tmp_path):
    (tmp_path / "empty.mmdb").write_bytes(b"")
    (tmp_path / "text.mmdb").write_text("FR")
    (tmp_path / "cut.mmdb").write_bytes(file.read_bytes()[:200])
    for name in ("missing", "empty", "text", "cut"):
        with pytest.raises(ConfigurationError, match=r"place\.database"):
            PlaceDatabase(tmp_path / f"{name}.mmdb", AGE)


def test_a_file_that_is_too_old_stops_the_start_and_says_nothing_later(file):
    places = PlaceDatabase(file, AGE)
    built_at = places._built_at
    address = ipaddress.ip_address("198.51.100.1")
    last = built_at + AGE - timedelta.resolution
    places.require_fresh(last)
    assert places.country(address, last) == "FR"
    with pytest.raises(ConfigurationError, match="made within 90 days"):
        places.require_fresh(built_at + AGE)
    assert places.country(address, built_at + AGE) is None
    with pytest.raises(ConfigurationError):
        places.require_fresh(built_at - timedelta(days=2))


def test_without_the_package_a_file_stops_the_start(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(ConfigurationError, match=r"licet\[place\]"):
        PlaceDatabase(file, AGE)


def test_a_newer_file_takes_effect_and_a_damaged_one_does_not(file):
    places, address = PlaceDatabase(file, AGE), ipaddress.ip_address("198.51.100.1")
    assert places.country(address, now()) == "FR"
    write(file, {"198.51.100.0/24": {"country": {"iso_code": "DE"}}})
    assert places.country(address, now()) == "FR"
    places.reload(now())
    assert places.country(address, now()) == "DE"
    file.write_bytes(b"damaged")
    places.reload(now())
    assert places.country(address, now()) == "DE"
    file.unlink()
    places.reload(now())
    assert places.country(address, now()) == "DE"


def test_a_reader_that_fails_leaves_the_place_unknown(file, monkeypatch):
    places = PlaceDatabase(file, AGE)

    class Broken:
        def get(self, _address):
            raise RuntimeError

    monkeypatch.setattr(places, "_reader", Broken())
    assert places.country(ipaddress.ip_address("198.51.100.1"), now()) is None
