"""What the forge tells others: webhooks to programs, a stream to open pages."""
