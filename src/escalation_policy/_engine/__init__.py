"""The rule engine, for any request type. Of Engage it knows only the default request type."""
