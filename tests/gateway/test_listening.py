"""Several sockets on one port: which gets connections, and which port is refused."""

import socket

import pytest

from licet.errors import ConfigurationError
from licet.gateway.listening import listen_at, restore, url_of, withdraw


@pytest.fixture
def opened():
    found = []
    yield found
    for one in found:
        one.close()


def reached(sockets, count=60):
    """How many of so many connections each socket was given."""
    port = sockets[0].getsockname()[1]
    clients = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(count)]
    given = []
    for one in sockets:
        one.setblocking(False)
        given.append(0)
        while True:
            try:
                connection, _ = one.accept()
            except OSError:
                break
            connection.close()
            given[-1] += 1
    for client in clients:
        client.close()
    return given


def test_connections_are_spread_over_the_sockets_of_a_port(opened):
    opened += listen_at("127.0.0.1", 0, 3)
    assert len({one.getsockname()[1] for one in opened}) == 1
    given = reached(opened)
    assert sum(given) == 60
    assert min(given) > 0


def test_one_that_is_withdrawn_gets_none_until_it_is_restored(opened):
    opened += listen_at("127.0.0.1", 0, 2)
    withdraw(opened[0])
    assert reached(opened) == [0, 60]
    withdraw(opened[0])  # once more changes nothing
    restore(opened[0])
    assert min(reached(opened)) > 0
    restore(opened[0])
    assert sum(reached(opened)) == 60


@pytest.mark.parametrize(("theirs", "ours"), [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_a_port_that_somebody_has_is_refused_also_where_they_would_share_it(opened, theirs, ours):
    opened += listen_at("127.0.0.1", 0, theirs)
    port = opened[0].getsockname()[1]
    with pytest.raises(ConfigurationError) as caught:
        listen_at("127.0.0.1", port, ours)
    assert (caught.value.code, str(port) in str(caught.value)) == ("cannot_listen", True)
    assert sum(reached(opened)) == 60


@pytest.mark.parametrize("host", ["192.0.2.1", "nobody.invalid"])
def test_an_address_that_is_not_ours_is_refused(host):
    with pytest.raises(ConfigurationError):
        listen_at(host, 0)


def test_the_url_names_the_port_that_was_taken(opened):
    opened += listen_at("127.0.0.1", 0)
    assert url_of(opened[0]) == f"http://127.0.0.1:{opened[0].getsockname()[1]}"
    try:
        opened += listen_at("::1", 0)
    except ConfigurationError:
        return  # a machine without the sixth version
    assert url_of(opened[1]).startswith("http://[::1]:")
