"""One request and its response over httpx, for any service. Nothing here knows what a service's statuses or codes mean."""
