"""What people see: comments, an issue's page, pull request checks, the dashboard, the digest, the
audit."""
