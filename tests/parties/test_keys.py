import pytest

from licet.parties import key_mac, key_of, split_key

SECRET = "s" * 48


def test_a_key_names_its_id():
    assert split_key(key_of("abc-1", SECRET)) == "abc-1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lk_a_b",
        f"lk_a_b_{SECRET}",
        f"LK_a_{SECRET}",
        f"lk__{SECRET}",
        f"lk_{'x' * 65}_{SECRET}",
        f"lk_a_{SECRET}\n",
        f" lk_a_{SECRET}",
        f"lk_a_{'s' * 31}",
        f"lk_a_{'s' * 129}",
        "sk-" + SECRET,
    ],
)
def test_what_has_not_the_form_of_a_key_names_none(text):
    assert split_key(text) is None


def test_the_hash_depends_on_every_part():
    base = key_mac(b"pepper", key_of("a", SECRET))
    assert len(base) == 64
    assert (
        len(
            {
                base,
                key_mac(b"Pepper", key_of("a", SECRET)),
                key_mac(b"pepper", key_of("b", SECRET)),
                key_mac(b"pepper", key_of("a", SECRET + "s")),
            }
        )
        == 4
    )
