"""The code that writes ``dashboards/*.json``; run ``python -m dashboards.builder --write``.

A board is described once, as values (:mod:`.model`); :mod:`.render` turns it into Grafana's JSON with
the Grafana Foundation SDK. Nothing here runs at a user's: the JSON is committed and shipped.
"""
