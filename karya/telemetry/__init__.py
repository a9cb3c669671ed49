"""Traces by OpenTelemetry (`pip install 'karya[traces]'`), which no other room imports."""
