"""From Redis to the viewers: boards, rank updates and ended sessions."""
