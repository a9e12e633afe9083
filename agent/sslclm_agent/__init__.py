"""The SSL-CLM agent. It stands alone: it imports nothing of the server and talks to it over HTTPS only."""

VERSION = "0.1.0"
