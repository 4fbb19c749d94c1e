"""Run the walk-through."""


def run_demo(*, keep: bool, as_json: bool) -> bool:
    """Run it."""
    return keep and as_json
