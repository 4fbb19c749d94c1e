from dataclasses import fields
from datetime import UTC, datetime

import pytest

from licet.directives import READINGS, Parameters, Setting, as_mapping, read_value, with_settings
from licet.errors import InputError

THEN = datetime(2026, 6, 1, tzinfo=UTC)


def setting(name, value):
    return {name: Setting(name, value, "officer", THEN, "because")}


def test_every_parameter_has_a_reading_and_its_default_is_one_of_its_values():
    assert [field.name for field in fields(Parameters)] == list(READINGS)
    for name, value in as_mapping(Parameters()).items():
        assert value in READINGS[name].values


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("remote_inference", "not_export", "not_export"),
        ("org_is_recipient", "false", False),
        ("org_is_recipient", "true", True),
        ("evidence_max_age_days", "1", 1),
        ("evidence_max_age_days", "3650", 3650),
        ("policy_max_age_s", "2", 2),
        ("distilled_share_limit", "0.10", "0.10"),
        ("distilled_share_limit", "1.0", "1.0"),
        ("us_registered_is_us", "true", "true"),
    ],
)
def test_what_a_person_types_is_read(name, text, value):
    found = read_value(name, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("surprise", "1"),
        ("remote_inference", "Release"),
        ("remote_inference", ""),
        ("org_is_recipient", "True"),
        ("org_is_recipient", "1"),
        ("evidence_max_age_days", "0"),
        ("evidence_max_age_days", "3651"),
        ("evidence_max_age_days", "-1"),
        ("evidence_max_age_days", "1.0"),
        ("policy_max_age_s", "1"),
        ("distilled_share_limit", "0.12345"),
        ("distilled_share_limit", "1.1"),
        ("distilled_share_limit", ".5"),
        ("distilled_share_limit", "-0.1"),
    ],
)
def test_what_is_no_value_is_refused(name, text):
    with pytest.raises(InputError):
        read_value(name, text)


def test_settings_override_defaults():
    assert with_settings(setting("macau", "with_d5")).macau == "with_d5"
    assert with_settings({}) == Parameters()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("surprise", 1),
        ("macau", "maybe"),
        ("org_is_recipient", 1),
        ("org_is_recipient", "true"),
        ("evidence_max_age_days", True),
        ("evidence_max_age_days", "365"),
    ],
)
def test_a_setting_of_another_type_or_value_is_refused(name, value):
    with pytest.raises(InputError):
        with_settings(setting(name, value))
