"""The broadcaster: sends boards to viewers over WebSockets and event streams (flow 5)."""
