"""The documents name what the code has, and link to what exists."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

import sdk_matrix_for_tests
from licet.app.config import _SECTIONS, _UPSTREAM_KEYS
from licet.decisions import Code
from licet.dialects import ROUTES
from licet.directives import READINGS, directive_schema
from licet.gateway import Limits
from licet.records import RecordKind

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(document):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())
    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (document.parent / target).exists()] == []


def rows_of(name, before="\0"):
    """The first cell of every table row that begins with code, above a heading."""
    text = (ROOT / "docs" / name).read_text().split(before)[0]
    return set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))


def test_every_parameter_has_its_row_and_default_first():
    assert rows_of("parameters.md") == set(READINGS)


def test_every_route_has_its_row_and_no_other_has_one():
    assert rows_of("surfaces.md") == {f"{route.method} {route.path}" for route in ROUTES}


def test_the_page_about_client_libraries_is_the_one_that_its_table_gives():
    assert (ROOT / "docs" / "sdks.md").read_text(encoding="utf-8") == sdk_matrix_for_tests.page()


def test_every_code_has_its_row():
    assert set(Code) <= rows_of("rules.md")


def test_every_setting_has_its_row():
    keys = {f"{section}.{key}" for section, members in _SECTIONS.items() for key in members}
    keys |= {f"upstreams.NAME.{key}" for key in _UPSTREAM_KEYS}
    assert keys <= rows_of("configuration.md")
    assert keys >= {
        row
        for row in rows_of("configuration.md", "## Files")
        if "." in row and row.split(".")[0] in {*_SECTIONS, "upstreams"} and "/" not in row
    }


def test_documented_limits_are_the_defaults():
    text = (ROOT / "docs" / "configuration.md").read_text()
    for field in fields(Limits):
        found = re.search(rf"^\| `limits\.{field.name}` \| (\d+) ", text, re.MULTILINE)
        if found:
            assert int(found[1]) == field.default


def test_every_member_of_a_directive_is_explained():
    text = (ROOT / "docs" / "directives.md").read_text()
    assert [name for name in directive_schema()["properties"] if f"`{name}`" not in text] == []


def test_every_kind_of_record_has_its_row():
    assert set(RecordKind) <= rows_of("records.md")


def test_every_dependency_has_its_line():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["demo"]]
    names = [re.split(r"[<>=; \[]", entry)[0] for entry in listed]
    text = (ROOT / "docs" / "dependencies.md").read_text()
    assert [name for name in names if not re.search(rf"^\|[^|]*\b{re.escape(name)}\b", text, re.MULTILINE)] == []


def test_every_import_of_ours_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = {re.split(r"[<>=; \[]", entry)[0].replace("-", "_") for entry in project["project"]["dependencies"]}
    declared |= {"websockets"}  # of the extra `realtime`, in what is imported with it only
    declared |= {"openai", "anthropic", "google", "yaml", "pydantic", "starlette", "licet"}
    imported = set()
    for path in ROOT.glob("src/licet/**/*.py"):
        imported |= set(re.findall(r"^(?:from|import) ([a-zA-Z0-9_]+)", path.read_text(), re.MULTILINE))
    import sys

    assert sorted(imported - declared - set(sys.stdlib_module_names)) == []


def test_the_changelog_has_a_fragment_or_a_release():
    assert list(ROOT.glob("changelog.d/*.md"))


def test_the_case_in_the_guide_for_counsel_is_one(tmp_path):
    from licet.cli import run

    text = (ROOT / "docs" / "decision.md").read_text()
    file = tmp_path / "case.json"
    file.write_text(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    assert run(["test", str(file)]) == 0
