"""Channels: tills, shops, apps and partners, how they prove who they are, and what lets them in."""
