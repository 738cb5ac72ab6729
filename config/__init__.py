"""The settings of a deployment, read from the environment. It imports no other room."""
