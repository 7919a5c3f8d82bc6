"""The intake for errors of apps: speaks to Sentry's SDKs, and takes webhooks of Sentry, GlitchTip
and Bugsink. It keeps groups of errors in a spool, and knows nothing of who reads them."""
