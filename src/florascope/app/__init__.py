"""The app: an HTTP server and a page that answer from a bundle, without torch."""
