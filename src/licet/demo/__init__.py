"""The main job from end to end on one machine, with a stand-in for the model server."""

from licet.demo.walkthrough import run_demo

__all__ = ["run_demo"]
