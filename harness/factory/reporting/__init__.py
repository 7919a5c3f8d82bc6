"""What people see: comments, the page of an issue, pull request checks, the dashboard issue, the
digest, and the audit."""
