"""The connections of one worker: which it accepts, buffers and closes."""
