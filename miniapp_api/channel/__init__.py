"""The door of tills, shops, apps and partners: every call is signed."""
