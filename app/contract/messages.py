"""What the catalogues of messages share: channels.py, events.py and commands.py."""

from __future__ import annotations


class MessageInvalid(ValueError):
    """The payload is not a message of the channel, or not a command of a viewer."""
