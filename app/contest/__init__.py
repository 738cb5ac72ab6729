"""Freezes and reveals of boards, contests as viewers get them, and final tables."""
