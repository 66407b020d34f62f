"""Moving people and breaking things over HTTP: what the /phone page and tests in other processes use."""

from simulator.control.routes import control_routes

__all__ = ["control_routes"]
