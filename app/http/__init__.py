"""What all HTTP resources share: access control, errors, limits, logs and headers."""
