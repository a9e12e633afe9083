"""Serving HTTPS and mutual TLS: contexts, the HTTP protocol, and the supervisor of all listeners."""
