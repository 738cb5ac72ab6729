"""Moderation: sanctions, the other changes to accounts, and the reads of moderators."""
