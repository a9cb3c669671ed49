"""The web page: what people see who open the gateway in a browser."""
