"""The cases of the Autobahn test suite, by its numbers, one connection for each.

The suite itself needs Python 2 and a server that returns each message. This one answers commands,
so a valid message is answered with `error` or `pong` instead. The close codes are the suite's.
"""
