"""The interfaces of api.weixin.qq.com, one module per subject."""

from simulator.api import credentials, followers, menu, messages, mini_programs

DESKS = (credentials.desk, followers.desk, menu.desk, messages.desk, mini_programs.desk)
