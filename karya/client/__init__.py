"""The Python client over HTTP. It knows `core` and nothing else of Karya."""

from karya.client.clients import TOKEN, AsyncClient, Client

__all__ = ["TOKEN", "AsyncClient", "Client"]
