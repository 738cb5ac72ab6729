"""/admin: moderation over HTTP."""
